# fcgiproxy_flags: the warnings and the instrumentation of everything that is built here. It is
# linked privately, so that none of it reaches the programs of others.
add_library(fcgiproxy_flags INTERFACE)

target_compile_options(fcgiproxy_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wcast-qual -Wcast-align -Wswitch-enum -Wvla -Wundef -Wpointer-arith
  -Wwrite-strings -Wformat=2 -Wold-style-definition)

# clang has no flow analysis behind this one.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(fcgiproxy_flags INTERFACE -Wnull-dereference)
endif()

if(FCGIPROXY_WERROR)
  target_compile_options(fcgiproxy_flags INTERFACE -Werror)
endif()

if(FCGIPROXY_ANALYZER)
  target_compile_options(fcgiproxy_flags INTERFACE -fanalyzer)
endif()

if(FCGIPROXY_SANITIZE)
  set(flags "-fsanitize=${FCGIPROXY_SANITIZE}" -fno-omit-frame-pointer)
  target_compile_options(fcgiproxy_flags INTERFACE ${flags} -fno-sanitize-recover=all)
  target_link_options(fcgiproxy_flags INTERFACE ${flags})
endif()

if(FCGIPROXY_COVERAGE)
  target_compile_options(fcgiproxy_flags INTERFACE --coverage -fno-inline)
  target_link_options(fcgiproxy_flags INTERFACE --coverage)
endif()
