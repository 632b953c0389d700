#!/bin/bash
# completion.sh TOOLS CHECKOUT BUILD: the completions for bash, asked as bash asks them, and in a real one.
. "$(dirname "$0")/../gates/common.sh" "$2" "$3"
completions="$checkout/examples/tools/completions"
cd "$scratch" || exit 1
rm -rf -- * && mkdir folder && : >"some servers.txt" && : >"folder/a.sock"

# complete TOOL WORD...: what the last word can become, in order, in one line.
complete_words() {
  bash --norc --noprofile -c '
    compopt() { :; } # works within a completion only: in the terminal, below
    . "$1/$2" || exit 1
    function_name="$(complete -p "$2" | sed "s/.*-F \([^ ]*\).*/\1/")"
    COMP_WORDS=("${@:2}")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMP_LINE="${COMP_WORDS[*]}"
    "$function_name" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"' bash "$completions" "$@" 2>&1 | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
}
# becomes EXPECTED TOOL WORD...
becomes() {
  local got expected="$1"
  shift
  got="$(complete_words "$@")"
  [ "$got" = "$expected" ] || report "$*" "becomes '$got' instead of '$expected'"
}

becomes '--max-active --max-active-processes --max-children-reached --max-listen-queue' fcgi-status --max
becomes '--json' fcgi-status 127.0.0.1:9000 --j
becomes 'address load pool' fcgi-status --sort ''
becomes 'load' fcgi-status -s l
becomes '/status?full' fcgi-status -p '/status?f'
becomes '/ping' fcgi-status --ping /
becomes '' fcgi-status -f some # which the shell does itself
becomes '' fcgi-status --timeout 1
becomes '-V' fcgi-status -V
becomes '--connect-timeout' fcgi-broadcast --con
becomes 'PATCH POST PUT' fcgi-broadcast -X P
becomes 'application/json application/x-www-form-urlencoded' fcgi-broadcast --type app
becomes 'HTTP_HOST=' fcgi-broadcast -v HTTP
becomes '' fcgi-broadcast -m ''
becomes '--help' fcgiget --h
becomes '--help -X -c -d -i -m -s -t -v' fcgiget -
becomes 'PATCH POST PUT' fcgiget -X P
becomes 'QUERY_STRING=' fcgiget -v Q
becomes '' fcgiget 127

# In a shell at a terminal.
if have tmux; then
  work="$(mktemp -d "${TMPDIR:-/tmp}/completion.XXXXXX")" || exit 1
  terminal() {
    tmux -S "$work/tmux" -f /dev/null "$@"
  }
  trap 'terminal kill-server 2>/dev/null; rm -rf "$work"' EXIT
  # shows REGEX: a line of the screen, soon.
  shows() {
    local i
    for i in $(seq 1200); do
      terminal capture-pane -p | grep -Eq -- "$1" && return
      sleep 0.05
    done
    report "never: $1" "$(terminal capture-pane -p)"
  }
  TERM=screen terminal new-session -d -x 120 -y 20 -c "$scratch" "bash --norc --noprofile"
  terminal send-keys -l "PS1='ready '; for f in '$completions'/*; do . \"\$f\"; done; clear"
  terminal send-keys Enter
  shows '^ready $|^ready$'
  terminal send-keys -l 'fcgi-status --openm'
  terminal send-keys Tab
  shows 'fcgi-status --openmetrics *$'
  terminal send-keys -l ' -f some'
  terminal send-keys Tab
  shows 'fcgi-status --openmetrics +-f some\\ servers\.txt'
  terminal send-keys C-u
  terminal send-keys -l 'fcgiget -v SERVER_N'
  terminal send-keys Tab
  terminal send-keys -l 'x '
  terminal send-keys -l 'unix:./fol'
  terminal send-keys Tab
  terminal send-keys -l 'a'
  terminal send-keys Tab
  terminal send-keys -l '/status'
  shows 'SERVER_NAME=x unix:\./folder/a\.sock/status'
  terminal send-keys C-u
  # A number is no file, and a script that is.
  terminal send-keys -l 'fcgi-broadcast --timeout fol'
  terminal send-keys Tab
  terminal send-keys -l ' ./fol'
  terminal send-keys Tab
  shows 'fcgi-broadcast --timeout fol \./folder/'
fi
exit $findings
