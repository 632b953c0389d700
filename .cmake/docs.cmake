# The man page fcgiproxy(3), which is installed, and the reference as HTML: the target fcgiproxy_docs, if there
# is Doxygen; its first page is docs/html/index.html in the build folder.
set(doc_dir "${CMAKE_CURRENT_SOURCE_DIR}/.doc")
set(FCGIPROXY_MAN_PAGE "${CMAKE_CURRENT_BINARY_DIR}/docs/fcgiproxy.3")
add_custom_command(OUTPUT "${FCGIPROXY_MAN_PAGE}"
  COMMAND "${CMAKE_COMMAND}" "-DCHECKOUT=${CMAKE_CURRENT_SOURCE_DIR}" "-DOUTPUT=${FCGIPROXY_MAN_PAGE}"
    -P "${doc_dir}/manual.cmake"
  DEPENDS ${public_headers} .doc/manual.cmake .doc/fcgiproxy.3.in .doc/example.c
  COMMENT "Writing fcgiproxy(3)" VERBATIM)
add_custom_target(fcgiproxy_man_page ALL DEPENDS "${FCGIPROXY_MAN_PAGE}")

find_program(FCGIPROXY_DOXYGEN doxygen)
mark_as_advanced(FCGIPROXY_DOXYGEN)
if(FCGIPROXY_DOXYGEN)
  configure_file(.doc/Doxyfile.in docs/Doxyfile @ONLY)
  add_custom_target(fcgiproxy_docs
    COMMAND "${FCGIPROXY_DOXYGEN}" "${CMAKE_CURRENT_BINARY_DIR}/docs/Doxyfile"
    COMMENT "Writing the reference, docs/html/index.html" VERBATIM)
endif()
