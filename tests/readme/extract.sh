#!/bin/bash
# tests/readme/extract.sh README FOLDER: takes out of a Markdown file what can be run, and puts it into
# the folder. What a block is for is said in a comment in the line before it, which readers do not see:
#   <!-- program: NAME.c -->   ```c         a whole program                       NAME.c
#   <!-- run: NAME -->         ```console   commands after "$ ", and their output  NAME.session
#   <!-- servers -->           ```sh        starts the servers                     servers.sh
#   <!-- install: NAME -->     ```sh ...    how to install, build or link          NAME.install
#   <!-- ffi: NAME -->         ```php ...   a program in that language             NAME.ffi
# A block of C that is not said to be a program is an error: everything that looks like one is tested.
set -u
readme="${1:?a Markdown file}" folder="${2:?a folder}"
mkdir -p "$folder" || exit 1
awk -v folder="$folder" '
  function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
    failed = 1
  }
  inside && /^```$/ { inside = 0; if (out != "") close(out); out = ""; next }
  inside { if (out != "") print > out; next }
  /^<!-- program: [A-Za-z0-9_]+\.c -->$/ { kind = "c"; name = $3; next }
  /^<!-- run: [A-Za-z0-9_]+ -->$/ { kind = "console"; name = $3 ".session"; next }
  /^<!-- servers -->$/ { kind = "sh"; name = "servers.sh"; next }
  /^<!-- install: [a-z_]+ -->$/ { kind = "install"; name = $3 ".install"; next }
  /^<!-- ffi: [a-z]+ -->$/ { kind = "ffi"; name = $3 ".ffi"; next }
  /^```/ {
    inside = 1
    language = substr($0, 4)
    if (kind == "ffi" && language ~ /^(php|lua|python|ruby|js)$/)
      kind = language
    if (kind == "install" && language ~ /^(sh|cmake)$/)
      kind = language
    if (kind != "" && language != kind)
      complain("a block of \"" language "\" instead of \"" kind "\"")
    if (kind == "" && language ~ /^(c|console|php|lua|python|ruby|js)$/)
      complain("a block of \"" language "\" that no comment names")
    if (kind != "") {
      if (name in seen)
        complain(name " is there already")
      seen[name] = 1
      out = folder "/" name
      printf "" > out
    }
    kind = ""
    next
  }
  kind != "" { complain("no block after the comment"); kind = "" }
  END { exit failed }' "$readme"
