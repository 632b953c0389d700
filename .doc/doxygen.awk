# awk -f doxygen.awk HEADER: a public header as Doxygen wants it. In the headers,
#   the first comment, and one with an empty line after it, are about the file;
#   any other at the beginning of a line is about all declarations up to the next empty line or comment;
#   inside of braces, one at the end of a line is about that line, and one before a line about that, unless an
#   empty line is before it: then it is a heading;
#   the results of a function begin with FCGIP_OK, at the beginning of a line or after a full stop.

# The comment that was read last, for Doxygen; `command` is "@file" or more, or nothing.
function documentation(command,    text, i, line, results, where) {
  while (comment[lines] == "")
    lines--
  text = "/** " command
  for (i = 1; i <= lines; i++) {
    line = comment[i]
    gsub(/[<>%#@]/, "\\\\&", line)
    if (match(line, /^[A-Z][a-z]+\.  /)) # a heading
      line = "@par " substr(line, 1, RLENGTH - 3) "\n * " substr(line, RLENGTH + 1)
    else if (i > 1 && comment[i - 1] ~ /^  / && line !~ /^  /)
      text = text "\n *"
    if (command == "" && !results && (match(line, /^FCGIP_OK[:;,.]/) && i > 1 || match(line, /\. FCGIP_OK[:;,.]/))) {
      results = RSTART == 1 ? 1 : RSTART + 2
      line = substr(line, 1, results - 1) "\n * @par Results\n * " substr(line, results)
    }
    if (results && match(line, /(May be called|Not from|Blocks as)/) && !where++) {
      line = substr(line, 1, RSTART - 1) "\n * @par Where\n * " substr(line, RSTART)
      sub(/^\n \* /, "", line)
    }
    sub(/^ +/, "", line)
    text = text "\n * " line
  }
  return text "\n */"
}

# ---- comments at the beginning of a line ----

is_reading || /^\/\*/ {
  if (!is_reading)
    lines = 0
  line = $0
  is_reading = line !~ /\*\/ *$/
  sub(/^\/\* ?/, "", line)
  sub(/ *\*\/ *$/, "", line)
  sub(/^ \* ?/, "", line)
  if (line != "" || lines > 0)
    comment[++lines] = line
  is_pending = 1
  comments += !is_reading
  next
}

# ---- inside of braces ----

is_inside {
  if (/^}/)
    is_inside = is_open = 0
  else if (/^ +\/\* / && !was_empty)
    sub(/\/\* /, "/** ")
  else if (/[;,A-Z0-9)] +\/\* /)
    sub(/\/\* /, "/**< ")
  was_empty = /^ *$/
  print
  next
}

# ---- everything else ----

/^FCGIP_(BEGIN|END)_DECLS$/ {
  print
  next
}
is_pending && (/^ *$/ || comments == 1) {
  print documentation(comments == 1 ? "@file" : "@file\n * @details")
  if (FILENAME ~ /\/fcgiproxy\.h$/)
    print documentation("@mainpage")
  lines = 0
}
/^ *$/ { lines = 0 }
(/^[A-Za-z]/ || /^#define/) && !is_open && lines > 0 { print documentation("") }
/^[A-Za-z]/ { is_open = 1 }
/^(typedef struct|enum) .*{ *$/ { is_inside = 1 }
/; *$/ { is_open = 0 }
{
  is_pending = was_empty = 0
  print
}
