#include "fcgiproxy/error.h"

#include "fcgiproxy/version.h"

/* One list for names and sentences. The switches have no default, so that the compiler reports a result that is
 * missing here. */
#define ERRORS(X)                                                                                  \
  X(FCGIP_OK, "success")                                                                           \
  X(FCGIP_EINVAL, "invalid argument")                                                              \
  X(FCGIP_ENOTFOUND, "no such request id, or its response was already taken")                      \
  X(FCGIP_E2BIG, "an option is set that this version of the library does not know")                \
  X(FCGIP_EREENTRANT, "not possible from inside a callback, or the handle was freed")              \
  X(FCGIP_EAGAIN, "the wait ran out; the request is still running")                                \
  X(FCGIP_EQUEUEFULL, "too many requests are waiting for this server")                             \
  X(FCGIP_EFILE, "the file could not be read")                                                     \
  X(FCGIP_ERESOLVE, "the host name could not be resolved")                                         \
  X(FCGIP_ECONNECT, "the connection could not be established")                                     \
  X(FCGIP_EBUSY, "the server's backlog stayed full until the connect timeout")                     \
  X(FCGIP_ETIMEDOUT, "a timeout of the request passed")                                            \
  X(FCGIP_EWRITE, "sending failed")                                                                \
  X(FCGIP_EREAD, "the connection ended before the response was complete")                          \
  X(FCGIP_ECANCELED, "the request was cancelled")                                                  \
  X(FCGIP_EPROTO, "the peer does not keep to FastCGI 1.0")                                         \
  X(FCGIP_EHEADER, "the header block of the response is malformed or missing")                     \
  X(FCGIP_ETOOLARGE, "the response exceeds a configured limit")                                    \
  X(FCGIP_ELENGTH, "Content-Length and the received body disagree")                                \
  X(FCGIP_ECANTMPX, "the application cannot multiplex connections")                                \
  X(FCGIP_EOVERLOADED, "the application is overloaded")                                            \
  X(FCGIP_EROLE, "the application does not know the requested role")                               \
  X(FCGIP_EREFUSED, "the application refused the request")                                         \
  X(FCGIP_ESTATUSPATH, "there is no status page at this path")                                     \
  X(FCGIP_ESTATUSFORMAT, "the status page is not of a known format")                               \
  X(FCGIP_EFATAL, "fatal error")                                                                   \
  X(FCGIP_ENOMEM, "out of memory")

const char *fcgip_strerror(int error)
{
#define SENTENCE(code, sentence)                                                                   \
  case code:                                                                                       \
    return sentence;
  switch ((enum fcgip_error)error) {
    ERRORS(SENTENCE)
  }
  return "unknown result";
}

const char *fcgip_errname(int error)
{
#define NAME(code, sentence)                                                                       \
  case code:                                                                                       \
    return #code;
  switch ((enum fcgip_error)error) {
    ERRORS(NAME)
  }
  return "FCGIP_E?";
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *fcgip_version(void)
{
  return VERSION_TEXT(FCGIP_VERSION_MAJOR, FCGIP_VERSION_MINOR, FCGIP_VERSION_PATCH);
}
