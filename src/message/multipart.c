/* Fields and files as multipart/form-data (RFC 7578). */
#include "message/multipart.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "fcgiproxy/error.h"
#include "message/media_type.h"

/* From the first header to the last byte of the body: all of a part but the boundary, which is not
 * known until all parts are. */
typedef struct part {
  uint8_t *data;
  size_t len;
} part;

struct fcgip_multipart {
  fcgip__mem mem;
  part *parts;
  size_t count;
  size_t cap;
};

int fcgip_multipart_new(fcgip_multipart **out)
{
  return fcgip_multipart_new_with_allocator(out, NULL);
}

int fcgip_multipart_new_with_allocator(fcgip_multipart **out, const fcgip_allocator *allocator)
{
  fcgip__mem mem;
  fcgip_multipart *multipart;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__mem_import(&mem, allocator);
  if (rc < 0)
    return rc;
  multipart = fcgip__mem_calloc(&mem, 1, sizeof(*multipart));
  if (multipart == NULL)
    return FCGIP_ENOMEM;
  multipart->mem = mem;
  *out = multipart;
  return FCGIP_OK;
}

void fcgip_multipart_free(fcgip_multipart *multipart)
{
  fcgip__mem mem;
  size_t i;

  if (multipart == NULL)
    return;
  mem = multipart->mem;
  for (i = 0; i < multipart->count; i++)
    fcgip__mem_free(&mem, multipart->parts[i].data);
  fcgip__mem_free(&mem, multipart->parts);
  fcgip__mem_free(&mem, multipart);
}

/* ---- Writing ---- */

static uint8_t *put(uint8_t *to, const void *data, size_t len)
{
  memcpy(to, data, len);
  return to + len;
}

static uint8_t *put_text(uint8_t *to, const char *text)
{
  return put(to, text, strlen(text));
}

/* WHATWG HTML, "multipart/form-data encoding algorithm": these three bytes are escaped in names and
 * file names, and no other. So a backslash stays as it is, though PHP takes \" for a quote, as it
 * does with browsers. */
static uint8_t *put_quoted_byte(uint8_t *to, char c)
{
  switch (c) {
  case '\r':
    return put_text(to, "%0D");
  case '\n':
    return put_text(to, "%0A");
  case '"':
    return put_text(to, "%22");
  default:
    return put(to, &c, 1);
  }
}

static uint8_t *put_filename(uint8_t *to, const char *filename)
{
  while (*filename != '\0')
    to = put_quoted_byte(to, *filename++);
  return to;
}

/* In the name of a field, other than in that of a file, every line break becomes CRLF before it is
 * escaped. */
static uint8_t *put_name(uint8_t *to, const char *name)
{
  while (*name != '\0') {
    if (*name == '\r' || *name == '\n') {
      name += name[0] == '\r' && name[1] == '\n' ? 2 : 1;
      to = put_text(to, "%0D%0A");
    } else {
      to = put_quoted_byte(to, *name++);
    }
  }
  return to;
}

#define DISPOSITION "Content-Disposition: form-data; name=\""
#define FILENAME "\"; filename=\""
#define TYPE "\"\r\nContent-Type: "
#define END "\r\n\r\n"

/* A field has neither file name nor type, both NULL. */
static uint8_t *put_headers(uint8_t *to, const char *name, const char *filename, const char *type)
{
  to = put_name(put_text(to, DISPOSITION), name);
  if (filename == NULL)
    return put_text(to, "\"" END);
  to = put_filename(put_text(to, FILENAME), filename);
  to = put_text(put_text(to, TYPE), type);
  return put_text(to, END);
}

/* sum + len * times, or SIZE_MAX, which no buffer has room for. */
static size_t add_times(size_t sum, size_t len, size_t times)
{
  return len > (SIZE_MAX - sum) / times ? SIZE_MAX : sum + len * times;
}

/* Makes room for the headers at their longest (a lone LF in a name becomes six bytes), so that
 * writing them cannot fail half-way. */
static int write_headers(fcgip__buffer *out, const char *name, const char *filename,
                         const char *type)
{
  size_t longest = add_times(sizeof(DISPOSITION FILENAME TYPE END), strlen(name), 6);
  uint8_t *end;
  int rc;

  if (filename != NULL)
    longest = add_times(add_times(longest, strlen(filename), 3), strlen(type), 1);
  rc = fcgip__buffer_reserve(out, longest);
  if (rc < 0)
    return rc;
  end = put_headers(out->data + out->len, name, filename, type);
  *end = '\0';
  out->len = (size_t)(end - out->data);
  return FCGIP_OK;
}

/* ---- Parts ---- */

static int reserve_part(fcgip_multipart *multipart)
{
  size_t cap = multipart->cap > 0 ? multipart->cap * 2 : 4;
  part *parts;

  if (multipart->count < multipart->cap)
    return FCGIP_OK;
  parts = fcgip__mem_realloc_array(&multipart->mem, multipart->parts, cap, sizeof(part));
  if (parts == NULL)
    return FCGIP_ENOMEM;
  multipart->parts = parts;
  multipart->cap = cap;
  return FCGIP_OK;
}

/* A new part as far as its body, which the caller adds to `written`. finish_part() follows,
 * whatever comes out. */
static int begin_part(fcgip_multipart *multipart, fcgip__buffer *written, const char *name,
                      const char *filename, const char *type)
{
  int rc = reserve_part(multipart);

  fcgip__buffer_init(written, &multipart->mem, PTRDIFF_MAX);
  if (rc < 0)
    return rc;
  return write_headers(written, name, filename, type);
}

/* Takes the part over if all of it could be written, drops it otherwise. */
static int finish_part(fcgip_multipart *multipart, fcgip__buffer *written, int rc)
{
  part *last;

  if (rc < 0) {
    fcgip__buffer_deinit(written);
    /* The limit is the address space: what goes beyond is memory that we do not have. */
    return rc == FCGIP_ETOOLARGE ? FCGIP_ENOMEM : rc;
  }
  last = &multipart->parts[multipart->count++];
  last->data = fcgip__buffer_detach(written, &last->len);
  return FCGIP_OK;
}

int fcgip_multipart_add_n(fcgip_multipart *multipart, const char *name, const void *value,
                          size_t value_len)
{
  fcgip__buffer written;
  int rc;

  if (multipart == NULL || name == NULL || (value == NULL && value_len > 0))
    return FCGIP_EINVAL;
  rc = begin_part(multipart, &written, name, NULL, NULL);
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add(&written, value, value_len);
  return finish_part(multipart, &written, rc);
}

int fcgip_multipart_add(fcgip_multipart *multipart, const char *name, const char *value)
{
  if (value == NULL)
    return FCGIP_EINVAL;
  return fcgip_multipart_add_n(multipart, name, value, strlen(value));
}

/* An empty type says no more than none, and PHP takes what it is given. */
static const char *type_or_guess(const char *type, const char *filename)
{
  return type != NULL && type[0] != '\0' ? type : fcgip__media_type(filename);
}

/* Anything else would be a header of its own, or the end of all headers. */
static int is_one_line(const char *type)
{
  return type == NULL || strpbrk(type, "\r\n") == NULL;
}

int fcgip_multipart_add_file(fcgip_multipart *multipart, const char *name, const char *path,
                             const char *filename, const char *type)
{
  fcgip__buffer written;
  int rc;

  if (multipart == NULL || name == NULL || path == NULL || !is_one_line(type))
    return FCGIP_EINVAL;
  if (filename == NULL)
    filename = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
  rc = begin_part(multipart, &written, name, filename, type_or_guess(type, filename));
  if (rc == FCGIP_OK)
    rc = fcgip__file_read(&written, path);
  return finish_part(multipart, &written, rc);
}

int fcgip_multipart_add_data(fcgip_multipart *multipart, const char *name, const void *data,
                             size_t len, const char *filename, const char *type)
{
  fcgip__buffer written;
  int rc;

  if (multipart == NULL || name == NULL || filename == NULL || (data == NULL && len > 0) ||
      !is_one_line(type))
    return FCGIP_EINVAL;
  rc = begin_part(multipart, &written, name, filename, type_or_guess(type, filename));
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add(&written, data, len);
  return finish_part(multipart, &written, rc);
}

/* ---- Composing ---- */

static void draw_boundary(fcgip__boundary *boundary, fcgip__random *random)
{
  static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  size_t i = sizeof(FCGIP__BOUNDARY_PREFIX) - 1;

  memcpy(boundary->text, FCGIP__BOUNDARY_PREFIX, i);
  for (; i < FCGIP__BOUNDARY_LEN; i++)
    boundary->text[i] = alphabet[fcgip__random_below(random, sizeof(alphabet) - 1)];
  boundary->text[i] = '\0';
}

static int part_contains(const part *where, const fcgip__boundary *boundary)
{
  const uint8_t *at = where->data;
  const uint8_t *end = where->data + where->len;

  while ((size_t)(end - at) >= FCGIP__BOUNDARY_LEN) {
    at = memchr(at, boundary->text[0], (size_t)(end - at) - FCGIP__BOUNDARY_LEN + 1);
    if (at == NULL)
      return 0;
    if (memcmp(at, boundary->text, FCGIP__BOUNDARY_LEN) == 0)
      return 1;
    at++;
  }
  return 0;
}

static int any_part_contains(const fcgip_multipart *multipart, const fcgip__boundary *boundary)
{
  size_t i;

  for (i = 0; i < multipart->count; i++)
    if (part_contains(&multipart->parts[i], boundary))
      return 1;
  return 0;
}

static size_t total_len(const fcgip_multipart *multipart)
{
  /* Each part has this around it, and the closing boundary is as long. */
  size_t sum = add_times(0, FCGIP__BOUNDARY_LEN + sizeof("--\r\n\r\n") - 1, multipart->count + 1);
  size_t i;

  for (i = 0; i < multipart->count; i++)
    sum = add_times(sum, multipart->parts[i].len, 1);
  return sum;
}

int fcgip__multipart_compose(const fcgip_multipart *multipart, fcgip__random *random,
                             fcgip__buffer *out, fcgip__boundary *boundary)
{
  uint8_t *to;
  size_t i;
  int rc;

  /* All at once: the block is not grown while 100 MiB are in it. */
  rc = fcgip__buffer_reserve(out, total_len(multipart));
  if (rc < 0)
    return rc;
  do {
    draw_boundary(boundary, random);
  } while (any_part_contains(multipart, boundary));

  to = out->data + out->len;
  for (i = 0; i < multipart->count; i++) {
    to = put_text(put_text(put_text(to, "--"), boundary->text), "\r\n");
    to = put(to, multipart->parts[i].data, multipart->parts[i].len);
    to = put_text(to, "\r\n");
  }
  to = put_text(put_text(put_text(to, "--"), boundary->text), "--\r\n");
  *to = '\0';
  out->len = (size_t)(to - out->data);
  return FCGIP_OK;
}
