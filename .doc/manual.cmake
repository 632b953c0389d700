# cmake -DCHECKOUT=<folder> -DOUTPUT=<file> -P manual.cmake
#
# Writes the man page fcgiproxy(3): fcgiproxy.3.in with the version, the functions and the results as the
# public headers have them, and example.c.
cmake_minimum_required(VERSION 3.21)
include("${CHECKOUT}/.cmake/version.cmake")

# A text as it has to be written in a man page: nothing in it is a macro or an escape.
function(escape_text variable)
  string(REPLACE "\\" "\\e" text "${${variable}}")
  string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" text "${text}")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# What each chapter of the public header has, in the order of the man page.
set(FUNCTIONS "")
foreach(chapter IN ITEMS endpoint collection request content response proxy cluster_proxy status error version)
  file(STRINGS "${CHECKOUT}/include/fcgiproxy/${chapter}.h" lines REGEX "^(FCGIP_API .*)?fcgip_[a-z0-9_]+\\(")
  set(names "")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^(FCGIP_API|fcgip_)")
      continue()
    endif()
    string(REGEX MATCH "fcgip_[a-z0-9_]+\\(" name "${line}")
    string(REPLACE "(" "" name "${name}")
    list(APPEND names "${name}")
  endforeach()
  list(JOIN names " ,\n.Fn " names)
  string(APPEND FUNCTIONS "\n.Ss ${chapter}.h\n.Fn ${names}")
endforeach()
string(STRIP "${FUNCTIONS}" FUNCTIONS)

# Each result with what its comment says.
set(ERRORS "")
file(READ "${CHECKOUT}/include/fcgiproxy/error.h" lines)
string(REPLACE ";" "@" lines "${lines}")
string(REGEX MATCHALL "\n  FCGIP_E[A-Z0-9]+ = -[0-9]+,? */\\* [^*]*\\*/" lines "${lines}")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^\n  (FCGIP_E[A-Z0-9]+) = -[0-9]+,? */\\* ([^*]*) \\*/$" "\\1;\\2" line "${line}")
  list(GET line 0 name)
  list(GET line 1 meaning)
  string(REPLACE "@" ";" meaning "${meaning}")
  string(REGEX REPLACE " *(fcgip_[a-z_]+)\\(\\)([,;.]?) *" "\n.Fn \\1 \\2\n" meaning "${meaning}")
  string(STRIP "${meaning}" meaning)
  string(APPEND ERRORS "\n.It Dv ${name}\n${meaning}")
endforeach()
string(APPEND ERRORS "\n.It Dv FCGIP_ENOMEM\nout of memory; everything is as before the call")
string(STRIP "${ERRORS}" ERRORS)

file(READ "${CHECKOUT}/.doc/example.c" EXAMPLE)
string(STRIP "${EXAMPLE}" EXAMPLE)
escape_text(EXAMPLE)
configure_file("${CHECKOUT}/.doc/fcgiproxy.3.in" "${OUTPUT}" @ONLY)
