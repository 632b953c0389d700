/* Results. Every negative value that a function of this library returns or a response carries. */
#ifndef FCGIPROXY_ERROR_H
#define FCGIPROXY_ERROR_H

#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* What a function that returns int can return, and fcgip_response_error(). The text of a failed response says
 * more: fcgip_response_error_text(). */
enum fcgip_error {
  FCGIP_OK = 0, /* all went well */

  /* The caller: nothing was sent, or the call came at the wrong time. */
  FCGIP_EINVAL = -101,     /* an argument that cannot be right */
  FCGIP_ENOTFOUND = -102,  /* the id is unknown, or its response was already taken */
  FCGIP_E2BIG = -103,      /* an option of a newer version that this library does not know */
  FCGIP_EREENTRANT = -104, /* waiting from inside a callback, or the handle was freed meanwhile */
  FCGIP_EAGAIN = -105,     /* the wait ran out; the request lives on */
  FCGIP_EQUEUEFULL = -106, /* max_queued requests are waiting for this endpoint */
  FCGIP_EFILE = -107,      /* a file to upload could not be read */

  /* Connecting: not one byte was sent. */
  FCGIP_ERESOLVE = -201, /* the host name has no address */
  FCGIP_ECONNECT = -202, /* no connection; the errno says why */
  FCGIP_EBUSY = -203,    /* the backlog of the Unix socket was full until the connect timeout */

  /* Transfer. */
  FCGIP_ETIMEDOUT = -301, /* a deadline of the request passed; the text names the phase */
  FCGIP_EWRITE = -302,    /* sending failed */
  FCGIP_EREAD = -303,     /* the connection ended before END_REQUEST */
  FCGIP_ECANCELED = -304, /* fcgip_proxy_cancel(), or a pass-through callback said so */

  /* The peer did not keep to the protocol, or to a limit. */
  FCGIP_EPROTO = -401,    /* not FastCGI 1.0; the text says what */
  FCGIP_EHEADER = -402,   /* the CGI header block is malformed or missing */
  FCGIP_ETOOLARGE = -403, /* max_header_bytes, max_headers or max_body_bytes exceeded */
  FCGIP_ELENGTH = -404,   /* Content-Length and the body disagree */

  /* The application refused: the protocol status of END_REQUEST, FastCGI 1.0 section 5.5. */
  FCGIP_ECANTMPX = -501,    /* FCGI_CANT_MPX_CONN */
  FCGIP_EOVERLOADED = -502, /* FCGI_OVERLOADED */
  FCGIP_EROLE = -503,       /* FCGI_UNKNOWN_ROLE */
  FCGIP_EREFUSED = -504,    /* any other protocol status than FCGI_REQUEST_COMPLETE */

  /* Status pages. */
  FCGIP_ESTATUSPATH = -601,   /* there is no status page at that path */
  FCGIP_ESTATUSFORMAT = -602, /* the page is not one that the parser knows */

  /* Fatal: from here down the program, not the request, is in trouble. */
  FCGIP_EFATAL = -900, /* no result: the border */
  FCGIP_ENOMEM = -901  /* out of memory; everything is as before the call */
};

/* A sentence for a result. Constant text, never NULL: an unknown value gets a sentence too.
 * May be called from anywhere. */
FCGIP_API const char *fcgip_strerror(int error);

/* The name of a result, such as "FCGIP_ETIMEDOUT"; "FCGIP_E?" for an unknown value. Constant text,
 * never NULL. May be called from anywhere. */
FCGIP_API const char *fcgip_errname(int error);

FCGIP_END_DECLS

#endif
