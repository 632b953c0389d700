# Headers, both libraries, the man page, a CMake package and a pkg-config file; both of the latter find the rest
# from where they lie, so that an installed tree can be moved.
include(CMakePackageConfigHelpers)

install(TARGETS fcgiproxy_shared fcgiproxy_static EXPORT fcgiproxy
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/fcgiproxy DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(FILES "${FCGIPROXY_FFI_HEADER}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fcgiproxy")
install(FILES "${FCGIPROXY_MAN_PAGE}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man3")

# find_package(fcgiproxy): fcgiproxy::fcgiproxy (shared) and fcgiproxy::fcgiproxy_static. The library
# depends on nothing, so the exported targets are the whole package. Before 1.0 a new minor version
# may break; the version file says so.
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fcgiproxy")
install(EXPORT fcgiproxy NAMESPACE fcgiproxy:: DESTINATION "${package_dir}"
  FILE fcgiproxyConfig.cmake)
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/fcgiproxyConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fcgiproxyConfigVersion.cmake"
  DESTINATION "${package_dir}")

# The installed .pc starts from its own folder. An absolute CMAKE_INSTALL_LIBDIR cannot be moved, and
# is written down as it is.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  set(PC_PREFIX "\${pcfiledir}/${up}")
  string(REGEX REPLACE "/$" "" PC_PREFIX "${PC_PREFIX}")
endif()
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(PC_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
set(PC_RPATH "")
configure_file(.cmake/fcgiproxy.pc.in install/fcgiproxy.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/install/fcgiproxy.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# For programs built against the build folder, without installing:
#   cc prog.c $(PKG_CONFIG_PATH=build/pkgconfig pkg-config --cflags --libs fcgiproxy)
# The path of the library goes into the program, so that it runs as it is.
string(REPLACE " " "\\ " PC_PREFIX "${CMAKE_CURRENT_SOURCE_DIR}")
string(REPLACE " " "\\ " PC_LIBDIR "${CMAKE_CURRENT_BINARY_DIR}")
set(PC_INCLUDEDIR "\${prefix}/include")
set(PC_RPATH "-Wl,-rpath,\${libdir} ")
configure_file(.cmake/fcgiproxy.pc.in pkgconfig/fcgiproxy.pc @ONLY)
