# fcgiproxy/ffi.h: the public headers as plain declarations, see ffi_header.cmake.
set(FCGIPROXY_FFI_HEADER "${CMAKE_CURRENT_BINARY_DIR}/include/fcgiproxy/ffi.h")
file(GLOB public_headers CONFIGURE_DEPENDS include/fcgiproxy/*.h)
add_custom_command(OUTPUT "${FCGIPROXY_FFI_HEADER}"
  COMMAND "${CMAKE_COMMAND}" "-DINCLUDE_DIR=${CMAKE_CURRENT_SOURCE_DIR}/include"
    -DHEADER=fcgiproxy/fcgiproxy.h "-DOUTPUT=${FCGIPROXY_FFI_HEADER}"
    -P "${CMAKE_CURRENT_SOURCE_DIR}/.cmake/ffi_header.cmake"
  DEPENDS ${public_headers} .cmake/ffi_header.cmake
  COMMENT "Writing fcgiproxy/ffi.h" VERBATIM)
add_custom_target(fcgiproxy_ffi_header ALL DEPENDS "${FCGIPROXY_FFI_HEADER}")
