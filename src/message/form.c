/* Fields as application/x-www-form-urlencoded, kept encoded, so that nothing is left to do when
 * they are sent. */
#include "fcgiproxy/content.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "fcgiproxy/error.h"

/* Name and value together: three times as much, "&" and "=" still have a length. */
#define LONGEST_FIELD (((size_t)PTRDIFF_MAX - 2) / 3)

struct fcgip_form {
  fcgip__mem mem;
  fcgip__buffer encoded;
};

int fcgip_form_new(fcgip_form **out)
{
  return fcgip_form_new_with_allocator(out, NULL);
}

int fcgip_form_new_with_allocator(fcgip_form **out, const fcgip_allocator *allocator)
{
  fcgip__mem mem;
  fcgip_form *form;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__mem_import(&mem, allocator);
  if (rc < 0)
    return rc;
  form = fcgip__mem_alloc(&mem, sizeof(*form));
  if (form == NULL)
    return FCGIP_ENOMEM;
  form->mem = mem;
  fcgip__buffer_init(&form->encoded, &form->mem, PTRDIFF_MAX);
  *out = form;
  return FCGIP_OK;
}

/* What PHP's urlencode() leaves as it is: RFC 3986's unreserved characters without the tilde. */
static int is_plain(uint8_t c)
{
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
    return 1;
  return c == '-' || c == '_' || c == '.';
}

static size_t encoded_len(const uint8_t *data, size_t len)
{
  size_t sum = 0;
  size_t i;

  for (i = 0; i < len; i++)
    sum += is_plain(data[i]) || data[i] == ' ' ? 1 : 3;
  return sum;
}

/* Writes the encoded bytes, for which there is room. Returns where they end. */
static uint8_t *encode(uint8_t *to, const uint8_t *data, size_t len)
{
  static const char hex[] = "0123456789ABCDEF";
  size_t i;

  for (i = 0; i < len; i++) {
    uint8_t c = data[i];

    if (is_plain(c)) {
      *to++ = c;
    } else if (c == ' ') {
      *to++ = '+';
    } else {
      *to++ = '%';
      *to++ = (uint8_t)hex[c >> 4];
      *to++ = (uint8_t)hex[c & 15];
    }
  }
  return to;
}

int fcgip_form_add_n(fcgip_form *form, const void *name, size_t name_len, const void *value,
                     size_t value_len)
{
  uint8_t *to;
  size_t more;

  if (form == NULL || (name == NULL && name_len > 0) || (value == NULL && value_len > 0))
    return FCGIP_EINVAL;
  if (name_len > LONGEST_FIELD || value_len > LONGEST_FIELD - name_len)
    return FCGIP_ENOMEM;

  /* Measured first: once there is room for the whole field, nothing can fail half-way. */
  more = encoded_len(name, name_len) + encoded_len(value, value_len) + 2;
  if (fcgip__buffer_reserve(&form->encoded, more) < 0)
    return FCGIP_ENOMEM; /* whichever limit it is: that of the buffer is the address space */

  to = form->encoded.data + form->encoded.len;
  if (form->encoded.len > 0)
    *to++ = '&';
  to = encode(to, name, name_len);
  *to++ = '=';
  to = encode(to, value, value_len);
  *to = '\0';
  form->encoded.len = (size_t)(to - form->encoded.data);
  return FCGIP_OK;
}

int fcgip_form_add(fcgip_form *form, const char *name, const char *value)
{
  if (name == NULL || value == NULL)
    return FCGIP_EINVAL;
  return fcgip_form_add_n(form, name, strlen(name), value, strlen(value));
}

const void *fcgip_form_content(const fcgip_form *form, size_t *len)
{
  if (len != NULL)
    *len = form != NULL ? form->encoded.len : 0;
  return form != NULL ? fcgip__buffer_text(&form->encoded) : "";
}

void fcgip_form_free(fcgip_form *form)
{
  fcgip__mem mem;

  if (form == NULL)
    return;
  fcgip__buffer_deinit(&form->encoded);
  mem = form->mem;
  fcgip__mem_free(&mem, form);
}
