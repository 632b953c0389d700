#!/bin/bash
# manual.sh TOOLS CHECKOUT BUILD: the man pages are sound, and they, the --help texts and the completions know the
# same options.
. "$(dirname "$0")/../gates/common.sh" "$2" "$3"
tools="$1"
need mandoc mandoc
pages=examples/tools/man

# options FILE: the options that a text speaks of, in order; of letters only those that tools know.
options() {
  grep -Eo -- '(^|[^A-Za-z0-9-])--?[A-Za-z][A-Za-z-]*' "$1" | sed 's/^[^-]*//' | grep -E '^(--[a-z-]{2,}|-[A-Za-z])$' |
    LC_ALL=C sort -u
}

for tool in fcgiget fcgi-status fcgi-broadcast; do
  report "$tool(1), mandoc" "$(mandoc -T lint -W warning "$pages/$tool.1" 2>&1)"
  ! have groff || report "$tool(1), groff" "$(groff -ww -mdoc -T utf8 -z "$pages/$tool.1" 2>&1)"
  "$tools/$tool" --help >"$scratch/$tool.help" || report "$tool" "--help fails"
  mandoc -T utf8 -O width=900 "$pages/$tool.1" | sed 's/.\x08//g' >"$scratch/$tool.man"
  options "$scratch/$tool.help" >"$scratch/$tool.help.options"
  # The description of each option stands at the beginning of a line.
  sed -nE 's/^ {5}(-)/ \1/p' "$scratch/$tool.man" >"$scratch/$tool.man.tags"
  options "$scratch/$tool.man.tags" >"$scratch/$tool.man.options"
  sed 's/^#.*//; s/[|();]/ /g' "examples/tools/completions/$tool" |
    grep -vE 'compopt|compgen -S|mapfile|complete -o' >"$scratch/$tool.completion"
  grep -o "compgen .*" "examples/tools/completions/$tool" | grep -- "--help" | sed 's/compgen -W//' >>"$scratch/$tool.completion"
  options "$scratch/$tool.completion" >"$scratch/$tool.completion.options"
  [ "$(wc -l <"$scratch/$tool.help.options")" -ge 8 ] || report "$tool --help" "hardly an option in it"
  report "$tool: --help (<) and the man page (>)" \
    "$(diff "$scratch/$tool.help.options" "$scratch/$tool.man.options")"
  report "$tool: --help (<) and the completion (>)" \
    "$(diff "$scratch/$tool.help.options" "$scratch/$tool.completion.options")"
  # The exit statuses of --help are those of the page.
  for status in $(grep -A 3 '^Exit' "$scratch/$tool.help" | grep -oE '(^Exit:|,) [0-9]+' | grep -oE '[0-9]+'); do
    sed -n '/^EXIT STATUS/,/^EXAMPLES/p' "$scratch/$tool.man" | grep -qE "^ +$status( |$)" ||
      report "$tool(1)" "no exit status $status"
  done
done
# All keys of the JSON document, all metrics.
for word in $(grep -oE '"[a-z]+(_[a-z]+)*"' examples/tools/fields.c | tr -d '"' | sort -u); do
  grep -qF -- "$word" "$scratch/fcgi-status.man" || report "fcgi-status(1)" "nothing about $word"
done
exit $findings
