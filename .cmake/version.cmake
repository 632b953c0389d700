# The version is stated once, in the public header.
foreach(part IN ITEMS MAJOR MINOR PATCH)
  file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../include/fcgiproxy/version.h" line
       REGEX "^#define FCGIP_VERSION_${part} [0-9]+$")
  string(REGEX MATCH "[0-9]+$" FCGIPROXY_VERSION_${part} "${line}")
endforeach()
set(FCGIPROXY_VERSION
    "${FCGIPROXY_VERSION_MAJOR}.${FCGIPROXY_VERSION_MINOR}.${FCGIPROXY_VERSION_PATCH}")
