/* The writer of application/x-www-form-urlencoded. Input: fields, each name and value behind their lengths.
 *
 *  - A parser of its own (the WHATWG one: cut at "&", then at the first "=", "+" is a space, %XX a byte) recovers every
 *    name and value, in order and however often they come.
 *  - What is written is plain ASCII of the set that no server takes otherwise.
 *  - A field that could not be added changes nothing.
 *  - As content of a request it is the same bytes with the right type. */
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/content.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/request.h"
#include "fuzz/fuzz.h"

#define MOST_FIELDS 64

typedef struct field {
  const uint8_t *name, *value;
  size_t name_len, value_len;
} field;

typedef struct fields {
  field items[MOST_FIELDS];
  size_t count;
} fields;

/* ---- the oracle ---- */

static unsigned hex(uint8_t c)
{
  if (c >= '0' && c <= '9')
    return c - (unsigned)'0';
  FUZZ_CHECK(c >= 'A' && c <= 'F');
  return c - (unsigned)'A' + 10;
}

static void check_decoded(const uint8_t *text, size_t len, const uint8_t *wanted, size_t wanted_len)
{
  size_t at = 0, n;

  for (n = 0; at < len; n++) {
    unsigned byte = text[at];

    if (byte == '+') {
      byte = ' ';
    } else if (byte == '%') {
      FUZZ_CHECK(len - at >= 3);
      byte = hex(text[at + 1]) * 16 + hex(text[at + 2]);
      at += 2;
    } else {
      FUZZ_CHECK((byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z') ||
                 byte == '-' || byte == '.' || byte == '_');
    }
    at++;
    FUZZ_CHECK(n < wanted_len && wanted[n] == byte);
  }
  FUZZ_CHECK(n == wanted_len);
}

static void check_content(const uint8_t *content, size_t len, const fields *f)
{
  size_t at = 0, i;

  for (i = 0; i < f->count; i++) {
    const uint8_t *text = content + at, *end, *equals;

    end = len > at ? memchr(text, '&', len - at) : NULL;
    if (end == NULL)
      end = content + len;
    equals = end > text ? memchr(text, '=', (size_t)(end - text)) : NULL;
    FUZZ_CHECK(equals != NULL);
    check_decoded(text, (size_t)(equals - text), f->items[i].name, f->items[i].name_len);
    check_decoded(equals + 1, (size_t)(end - equals - 1), f->items[i].value, f->items[i].value_len);
    at = (size_t)(end - content) + 1;
  }
  FUZZ_CHECK(f->count > 0 ? at == len + 1 : len == 0);
}

/* ---- the library ---- */

static void add_fields(fcgip_form *form, fields *f, fuzz_input *in)
{
  f->count = 0;
  while (in->left > 0 && f->count < MOST_FIELDS) {
    field *next = &f->items[f->count];
    size_t before, after;
    int rc;

    next->name = fuzz_short(in, &next->name_len);
    next->value = fuzz_short(in, &next->value_len);
    (void)fcgip_form_content(form, &before);
    rc = fcgip_form_add_n(form, next->name, next->name_len, next->value, next->value_len);
    (void)fcgip_form_content(form, &after);
    if (rc == FCGIP_OK) {
      f->count++;
      continue;
    }
    FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory() && after == before);
  }
}

static void check_request(const fcgip_form *form, const uint8_t *content, size_t len)
{
  fcgip_request *request;
  size_t got_len;
  const void *got;

  if (fcgip_request_new_with_allocator(&request, "POST", "/a.php", &fuzz_memory.hook) < 0) {
    FUZZ_CHECK(fuzz_is_out_of_memory());
    return;
  }
  if (fcgip_request_set_form(request, form) == FCGIP_OK) {
    got = fcgip_request_content(request, &got_len);
    FUZZ_CHECK(got_len == len && memcmp(got, content, len) == 0);
    FUZZ_CHECK(strcmp(fcgip_request_content_type(request), "application/x-www-form-urlencoded") ==
               0);
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory() && fcgip_request_content_length(request) == 0);
  }
  fcgip_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};
  fcgip_form *form;
  fields f;

  fuzz_begin();
  if (fcgip_form_new_with_allocator(&form, &fuzz_memory.hook) == FCGIP_OK) {
    const char *content;
    size_t len;

    add_fields(form, &f, &in);
    content = fcgip_form_content(form, &len);
    FUZZ_CHECK(content[len] == '\0' && strlen(content) == len);
    check_content((const uint8_t *)content, len, &f);
    check_request(form, (const uint8_t *)content, len);
    fcgip_form_free(form);
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory() && form == NULL);
  }
  fuzz_end();
  return 0;
}
