# Run by cpack when everything is installed in a folder of its own, before the package is made of it: adds
# what Debian's policy asks of every package, and compresses what it wants compressed.
cmake_minimum_required(VERSION 3.21)
set(usr "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr")
if(NOT IS_DIRECTORY "${usr}/share/man")
  message(FATAL_ERROR "there are no man pages in ${usr}")
endif()
set(doc "${usr}/share/doc/${CPACK_PACKAGE_NAME}")
file(READ "${CPACK_FCGIPROXY_CHECKOUT}/LICENSE" license)
file(WRITE "${doc}/copyright" "${license}")
file(COPY_FILE "${CPACK_FCGIPROXY_CHECKOUT}/CHANGELOG.md" "${doc}/changelog")
# SOURCE_DATE_EPOCH in the environment makes it the same each time.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${doc}/changelog.Debian"
  "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=low\n\n"
  "  * What is new in this version is in changelog.gz.\n\n"
  " -- ${CPACK_PACKAGE_CONTACT}  ${now}\n")

file(GLOB_RECURSE pages "${usr}/share/man/*")
execute_process(COMMAND gzip -9n "${doc}/changelog" "${doc}/changelog.Debian" ${pages}
  COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE files "${doc}/*" "${usr}/share/man/*.gz")
file(CHMOD ${files} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
# Folders can be entered by everybody, whatever the umask was.
file(GLOB_RECURSE all LIST_DIRECTORIES true "${usr}/*")
foreach(folder IN LISTS usr all)
  if(IS_DIRECTORY "${folder}")
    file(CHMOD "${folder}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
      GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endforeach()
