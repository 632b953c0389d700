# What compilers and linkers have against exploits: on in optimized builds, as far as it is there.
#   fcgiproxy_flags            gets the compiler's part
#   FCGIPROXY_HARDENED_LINK    is the linker's, for what we link ourselves: it must not reach programs
#                              that use the static library
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
option(FCGIPROXY_HARDENING "Harden optimized builds" ON)
set(FCGIPROXY_HARDENED_LINK "")

# Sanitizers bring their own, and stand in the way of these.
if(NOT FCGIPROXY_HARDENING OR FCGIPROXY_SANITIZE)
  return()
endif()

set(optimized "$<CONFIG:Release,RelWithDebInfo,MinSizeRel>")
foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "FCGIPROXY_HAS${flag}" has)
  check_c_compiler_flag("-Werror ${flag}" ${has})
  if(${has})
    target_compile_options(fcgiproxy_flags INTERFACE "$<${optimized}:${flag}>")
  endif()
endforeach()
target_compile_options(fcgiproxy_flags INTERFACE
  "$<${optimized}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")

foreach(flag IN ITEMS -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
  string(MAKE_C_IDENTIFIER "FCGIPROXY_HAS${flag}" has)
  check_linker_flag(C "${flag}" ${has})
  if(${has})
    list(APPEND FCGIPROXY_HARDENED_LINK "$<${optimized}:${flag}>")
  endif()
endforeach()
