/* How a multipart content becomes bytes. */
#ifndef FCGIP_MESSAGE_MULTIPART_H
#define FCGIP_MESSAGE_MULTIPART_H

#include "base/buffer.h"
#include "base/random.h"
#include "fcgiproxy/content.h"

/* "fcgiproxy-" and 24 letters and digits: more than 2^142 boundaries, and 34 of the 70 characters
 * that RFC 2046 section 5.1.1 allows; none of them needs quotes in the content type. */
#define FCGIP__BOUNDARY_PREFIX "fcgiproxy-"
#define FCGIP__BOUNDARY_LEN 34

typedef struct fcgip__boundary {
  char text[FCGIP__BOUNDARY_LEN + 1];
} fcgip__boundary;

/* Writes the content, and the boundary that separates its parts: the first one drawn from `random`
 * that occurs in none of them. Without parts that is the closing boundary alone, as browsers send
 * it; PHP reads no field from it, and has nothing to complain about.
 * FCGIP_OK; FCGIP_ETOOLARGE; FCGIP_ENOMEM. */
int fcgip__multipart_compose(const fcgip_multipart *multipart, fcgip__random *random,
                             fcgip__buffer *out, fcgip__boundary *boundary);

#endif
