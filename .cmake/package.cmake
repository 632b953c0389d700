# A Debian package with all that is installed, the command-line tools among it:
#   cmake -B build -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_BUILD_TYPE=Release -DFCGIPROXY_BUILD_TOOLS=ON
#   cmake --build build && cpack --config build/CPackConfig.cmake
# It is one package, as one program usually wants all of it; the shared library's symbols are told to
# others by its own shlibs file.
set(FCGIPROXY_PACKAGE_CONTACT "libfcgiproxy maintainers <maintainers@libfcgiproxy.example>"
  CACHE STRING "Maintainer in the package, as \"name <address>\"")
find_program(FCGIPROXY_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(FCGIPROXY_SHLIBDEPS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libfcgiproxy)
set(CPACK_PACKAGE_VENDOR libfcgiproxy)
set(CPACK_PACKAGE_CONTACT "${FCGIPROXY_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
  "Sends requests to FastCGI servers without a web server in between: to one
of many, by turns or at random, or to all of them, waiting or not. Shared
and static library, headers, also for the foreign-function interfaces of
other languages, CMake package, pkg-config file, and command-line tools.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_MONOLITHIC_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What Debian wants beside: copyright, changelogs, man pages that are compressed.
set(CPACK_FCGIPROXY_CHECKOUT "${CMAKE_CURRENT_SOURCE_DIR}")
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_SOURCE_DIR}/.cmake/package_files.cmake")
if(FCGIPROXY_SHLIBDEPS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
endif()
include(CPack)
