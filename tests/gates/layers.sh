#!/bin/bash
# Who may include whom, calls that are banned, symbols, and sizes: the architecture, as far as a
# script can tell.
. "$(dirname "$0")/common.sh"
need nm binutils
need gcc gcc

library="$build/libfcgiproxy.a"
[ -f "$library" ] || {
  echo "not built: $library"
  exit 1
}

# room | the rooms whose headers it may include, besides its own and the public ones
rooms='
base
fastcgi base
message fastcgi base
collection message base
net base
engine net collection message fastcgi base
proxy status engine net collection message fastcgi base
status message collection base
'
# A file and what it may include or call though its room may not.
#   Endpoints hold addresses, and resolving one needs a socket table to resolve with.
#   Reading a file for an upload is the one place outside net/ where the system gives a reason.
exceptions='
collection net/address.h
collection net/sys.h
base/file.c errno
base/descriptor.c errno
base/alloc.c allocate
'
excepted() {
  grep -qxF "$1 $2" <<<"$exceptions"
}

check_includes() {
  local file room header allowed
  for file in $(code src); do
    room="${file#src/}"
    room="${room%%/*}"
    allowed=" $(grep "^$room\( \|$\)" <<<"$rooms") "
    [ "$allowed" != "  " ] || echo "$file: a room that ARCHITECTURE does not know"
    for header in $(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$file"); do
      case "$header" in
      fcgiproxy/*) continue ;;
      */*) ;;
      *)
        echo "$file: \"$header\" is not written from the top of src/"
        continue
        ;;
      esac
      [[ "$allowed" == *" ${header%%/*} "* ]] || excepted "$room" "$header" ||
        echo "$file: includes $header"
    done
  done
}

# The installed tools have headers of their own beside them, and the public one.
check_tool_includes() {
  local header
  for header in $(sed -n 's/^ *# *include *\("[^"]*"\|<fcgiproxy[^>]*>\).*/\1/p' "$1"); do
    case "$header" in
    '<fcgiproxy/fcgiproxy.h>') ;;
    \"*/*\") echo "$1: includes $header" ;;
    \"*\") [ -f "examples/tools/$(tr -d '"' <<<"$header")" ] || echo "$1: includes $header" ;;
    *) echo "$1: includes $header" ;;
    esac
  done
}

check_system_headers() {
  local file
  for file in $(code src); do
    case "$file" in
    src/net/*) continue ;;
    esac
    excepted "${file#src/}" errno ||
      grep -Hn '# *include *<errno\.h>' "$file"
    grep -HnE '# *include *<(sys/(socket|un|ioctl|select|epoll)|netinet/.*|netdb|arpa/inet|signal|pthread|locale)\.h>' \
      "$file"
  done
  for file in $(code include examples); do
    case "$file" in
    include/*) grep -HnE '# *include *"' "$file" | grep -v '"fcgiproxy/' ;;
    examples/tools/*) check_tool_includes "$file" ;;
    examples/*) grep -HnE '# *include *"|# *include *<fcgiproxy/' "$file" |
      grep -v '<fcgiproxy/fcgiproxy.h>' ;;
    esac
  done
}

# The calls, in the source without comments and strings.
check_calls() {
  local file banned allocate='(m|c|re|aligned_)alloc|reallocarray|free|strdup|strndup|asprintf'
  banned='v?sprintf|strcpy|strcat|strncpy|strncat|strtok(_r)?|ato(i|l|ll|f)|s?rand(om)?|p?select|signal'
  banned+='|sigaction|setlocale|writev|gets|alloca|getenv|system|popen|abort|exit|v?f?printf|puts'
  for file in $(code src); do
    {
      gcc -fpreprocessed -dD -E "$file" 2>/dev/null || cat "$file"
    } | sed 's/"\([^"\\]\|\\.\)*"/""/g' >"$scratch/stripped"
    grep -nE "(^|[^A-Za-z0-9_>.])($banned) *\(" "$scratch/stripped" | sed "s|^|$file: |"
    excepted "${file#src/}" allocate ||
      grep -nE "(^|[^A-Za-z0-9_>.])($allocate) *\(" "$scratch/stripped" | sed "s|^|$file: |"
    case "$file" in
    src/net/*) ;;
    *) excepted "${file#src/}" errno ||
      grep -nE '(^|[^A-Za-z0-9_>.])errno([^A-Za-z0-9_]|$)' "$scratch/stripped" | sed "s|^|$file: |" ;;
    esac
  done
}

# No clock but the monotonic one: setting the date must not be a timeout. A seed may be made of anything.
check_clocks() {
  code src | grep -vxF src/base/random.c |
    xargs grep -nE '(^|[^A-Za-z0-9_])(clock_gettime|clock|time|gettimeofday|timespec_get) *\(' |
    grep -v 'clock_gettime(CLOCK_MONOTONIC,'
}

check_symbols() {
  nm -g --defined-only "$library" | awk 'NF == 3 && $3 !~ /^fcgip_/ { print $3 }'
}

# Constants that hold addresses lie in .data.rel.ro, which is read-only once the library is loaded.
check_writable_data() {
  size -A "$library" |
    awk '/:$/ || /ex / { file = $1 } $1 ~ /^\.t?(data|bss)$/ && $2 > 0 { print file, $1, $2 }
         $1 ~ /^\.t?(data|bss)\./ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print file, $1, $2 }'
  nm "$library" | awk '$2 ~ /^[Cc]$/ { print "common", $3 }'
}

check_file_lengths() {
  local limit=600
  code include src tests examples/tools | xargs wc -l | awk -v limit=$limit '$2 != "total" && $1 > limit { print $2 ": " $1 " lines" }'
  code examples | grep -v '^examples/tools/' | xargs -r wc -l | awk '$2 != "total" && $1 >= 100 { print $2 ": " $1 " lines" }'
}

# clang-format sees to it that the braces of a function, and only those, stand alone at the margin.
check_function_lengths() {
  code src examples tests/support | xargs awk -v limit=60 '
    /^\{$/ { start = FNR }
    /^\}$/ { if (FNR - start + 1 > limit) print FILENAME ":" start ": " FNR - start + 1 " lines" }'
}

report "includes across layers" "$(check_includes)"
report "system headers outside their room" "$(check_system_headers)"
report "banned calls" "$(check_calls)"
report "clocks" "$(check_clocks)"
report "external symbols without the prefix fcgip_" "$(check_symbols)"
report "writable data" "$(check_writable_data)"
report "files that are too long" "$(check_file_lengths)"
report "functions that are too long" "$(check_function_lengths)"
exit $findings
