# cmake -DINCLUDE_DIR=<folder> -DHEADER=<fcgiproxy/fcgiproxy.h> -DOUTPUT=<file> -P ffi_header.cmake
#
# Writes the public headers as one text for the C parsers of other languages (PHP FFI, LuaJIT, cffi ...),
# which know no preprocessor: one declaration per line, nothing but declarations. Macros that are
# numbers become constants of an enum. It is made of text alone, without a compiler.
cmake_minimum_required(VERSION 3.21)

set(seen "")
set(constants "")
set(text "")

# What one #include line brings in, each header once and after those that it includes itself.
macro(read_header name)
  list(APPEND seen "${name}")
  file(READ "${INCLUDE_DIR}/${name}" content)
  string(REGEX MATCHALL "#[ \t]*include[ \t]+\"[^\"]+\"" includes "${content}")
  list(TRANSFORM includes REPLACE "^.*\"([^\"]+)\"$" "\\1")
  foreach(include IN LISTS includes)
    if(NOT include IN_LIST seen)
      read_header("${include}")
    endif()
  endforeach()
  file(READ "${INCLUDE_DIR}/${name}" content) # the loop above has read others into it
  take_declarations("${name}")
endmacro()

macro(take_declarations name)
  string(REPLACE "\\\n" " " content "\n${content}")
  string(REGEX REPLACE "/\\*[^*]*\\*+([^/*][^*]*\\*+)*/" " " content "${content}")
  string(REGEX REPLACE "//[^\n]*" "" content "${content}")
  # Of declarations that depend on a condition, nobody could tell which ones to take.
  if(content MATCHES "\n[ \t]*#[ \t]*(if|ifdef|else|elif)[^\n]*\n[ \t\n]*[^# \t\n][^\n]*")
    message(FATAL_ERROR "${name}: declarations that depend on a condition:${CMAKE_MATCH_0}")
  endif()
  string(REGEX MATCHALL "#[ \t]*define[ \t]+FCGIP_[A-Z0-9_]+[ \t]+-?[0-9]+[ \t]*\n" defines
         "${content}")
  foreach(define IN LISTS defines)
    string(REGEX REPLACE "^.*define[ \t]+([A-Z0-9_]+)[ \t]+(-?[0-9]+).*$" "\\1 = \\2" define
           "${define}")
    list(APPEND constants "${define}")
  endforeach()
  string(REGEX REPLACE "(^|\n)[ \t]*#[^\n]*" "\\1" content "${content}")
  string(REGEX REPLACE "(^|[^A-Za-z0-9_])FCGIP_(API|BEGIN_DECLS|END_DECLS)" "\\1" content
         "${content}")
  string(APPEND text "\n${content}")
endmacro()

read_header("${HEADER}")

# One line per declaration: inside of braces, the semicolon waits until the lines are made.
string(REGEX REPLACE "[ \t\n]+" " " text "${text}")
string(REGEX REPLACE "([(*]) " "\\1" text "${text}")
set(before "")
while(NOT text STREQUAL before)
  set(before "${text}")
  string(REGEX REPLACE "({[^{}]*);([^{}]*})" "\\1@\\2" text "${text}")
endwhile()
string(REGEX REPLACE " *; *" ";\n" text "${text}")
string(REPLACE "@" ";" text "${text}")
string(STRIP "${text}" text)

# A macro that nobody has told us about, or a declaration cut in two, is better found here.
if(text MATCHES "(^|\n| )(FCGIP_[A-Z_]+) [a-z]" OR text MATCHES "(^|\n)([^\n]*(#|extern|\"C\")[^\n]*)")
  message(FATAL_ERROR "not a plain declaration: ${CMAKE_MATCH_2}")
endif()
if(NOT text MATCHES ";$" OR text MATCHES "(^|\n)(}[^\n]*|[^\n]*{[^}\n]*)(\n|$)")
  message(FATAL_ERROR "declarations do not end where they should: ${CMAKE_MATCH_2}")
endif()

if(constants)
  list(JOIN constants ", " constants)
  string(PREPEND text "enum { ${constants} };\n")
endif()
file(WRITE "${OUTPUT}.new"
  "struct pollfd { int fd; short events; short revents; };\n"
  "${text}\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
