/* The writer of multipart/form-data. Input: a seed, then parts: kind, name, file name, type and value.
 *
 *  - A parser of its own (RFC 2046: cut at the delimiter; RFC 7578: one Content-Disposition, perhaps a Content-Type)
 *    finds as many parts as were added, and recovers every name, file name, type and value.
 *  - The boundary is in no part, though the values are made to contain the first one that would be drawn.
 *  - No name, file name or type can end its header, or begin another one.
 *  - A part that could not be added changes nothing; as content of a request the type names the boundary. */
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "fcgiproxy/request.h"
#include "fuzz/fuzz.h"
#include "message/multipart.h"

#define MOST_PARTS 24

typedef struct part {
  char *name, *filename, *type; /* the last two NULL for a field */
  fuzz_buffer value;
} part;

typedef struct parts {
  part items[MOST_PARTS];
  size_t count;
} parts;

static void free_part(part *p)
{
  free(p->name);
  free(p->filename);
  free(p->type);
  fuzz_buffer_free(&p->value);
}

/* ---- the oracle ---- */

/* How a name goes into quotes: line breaks of a field's name are CRLF first. */
static void put_escaped(fuzz_buffer *to, const char *text, int is_name)
{
  for (; *text != '\0'; text++) {
    int is_break = *text == '\r' || *text == '\n';

    if (is_break && is_name) {
      text += text[0] == '\r' && text[1] == '\n';
      fuzz_put_text(to, "%0D%0A");
    } else if (is_break) {
      fuzz_put_text(to, *text == '\r' ? "%0D" : "%0A");
    } else if (*text == '"') {
      fuzz_put_text(to, "%22");
    } else {
      fuzz_put(to, text, 1);
    }
  }
}

/* The part as it has to be between two delimiters. `type_at` says where a guessed type stands, SIZE_MAX if none does. */
static void put_part(fuzz_buffer *to, const part *p, size_t *type_at)
{
  *type_at = SIZE_MAX;
  fuzz_put_text(to, "Content-Disposition: form-data; name=\"");
  put_escaped(to, p->name, 1);
  fuzz_put_text(to, "\"");
  if (p->filename != NULL) {
    fuzz_put_text(to, "; filename=\"");
    put_escaped(to, p->filename, 0);
    fuzz_put_text(to, "\"\r\nContent-Type: ");
    if (p->type == NULL || p->type[0] == '\0')
      *type_at = to->len;
    else
      fuzz_put_text(to, p->type);
  }
  fuzz_put_text(to, "\r\n\r\n");
  fuzz_put(to, p->value.data, p->value.len);
}

static void check_part(const uint8_t *got, size_t len, const part *p)
{
  fuzz_buffer wanted = {0};
  size_t type_at, guessed = 0;

  put_part(&wanted, p, &type_at);
  if (type_at != SIZE_MAX) {
    FUZZ_CHECK(len > type_at && memcmp(got, wanted.data, type_at) == 0);
    while (type_at + guessed < len && got[type_at + guessed] != '\r')
      guessed++;
    FUZZ_CHECK(guessed > 2 && memchr(got + type_at, '/', guessed) != NULL);
    got += type_at + guessed;
    len -= type_at + guessed;
    FUZZ_CHECK(len == wanted.len - type_at && memcmp(got, wanted.data + type_at, len) == 0);
  } else {
    FUZZ_CHECK(len == wanted.len && memcmp(got, wanted.data, len) == 0);
  }
  fuzz_buffer_free(&wanted);
}

static void check_content(const uint8_t *content, size_t len, const char *boundary, const parts *p)
{
  size_t boundary_len = strlen(boundary), at, i;
  const uint8_t *next;

  FUZZ_CHECK(len >= boundary_len + 6 && memcmp(content, "--", 2) == 0);
  FUZZ_CHECK(memcmp(content + 2, boundary, boundary_len) == 0);
  at = boundary_len + 2;
  for (i = 0; i < p->count; i++) {
    FUZZ_CHECK(memcmp(content + at, "\r\n", 2) == 0);
    at += 2;
    /* The first one behind, wherever it is, must be the delimiter. */
    next = memmem(content + at, len - at, boundary, boundary_len);
    FUZZ_CHECK(next != NULL && (size_t)(next - content) >= at + 4);
    FUZZ_CHECK(memcmp(next - 4, "\r\n--", 4) == 0);
    check_part(content + at, (size_t)(next - 4 - (content + at)), &p->items[i]);
    at = (size_t)(next - content) + boundary_len;
  }
  FUZZ_CHECK(len - at == 4 && memcmp(content + at, "--\r\n", 4) == 0);
}

/* ---- the library ---- */

/* What the generator with this seed will draw first: a part with this in it has to make it draw again. */
static void put_first_boundary(fuzz_buffer *to, uint64_t seed)
{
  fcgip_multipart *empty = NULL;
  fcgip__boundary boundary;
  fcgip__buffer content;
  fcgip__random random;
  fcgip__mem mem;

  FUZZ_CHECK(fcgip__mem_import(&mem, NULL) == FCGIP_OK);
  FUZZ_CHECK(fcgip_multipart_new(&empty) == FCGIP_OK);
  fcgip__buffer_init(&content, &mem, SIZE_MAX / 2);
  fcgip__random_init(&random, seed);
  FUZZ_CHECK(fcgip__multipart_compose(empty, &random, &content, &boundary) == FCGIP_OK);
  fuzz_put_text(to, "\r\n--");
  fuzz_put_text(to, boundary.text);
  fcgip__buffer_deinit(&content);
  fcgip_multipart_free(empty);
}

static int add_part(fcgip_multipart *multipart, const part *p)
{
  if (p->filename == NULL)
    return fcgip_multipart_add_n(multipart, p->name, p->value.data, p->value.len);
  return fcgip_multipart_add_data(multipart, p->name, p->value.data, p->value.len, p->filename,
                                  p->type);
}

static void read_part(part *p, fuzz_input *in, uint64_t seed)
{
  unsigned kind = fuzz_u8(in);
  const uint8_t *value;
  size_t len;

  memset(p, 0, sizeof(*p));
  p->name = fuzz_text(in);
  if (kind & 1)
    p->filename = fuzz_text(in);
  if ((kind & 3) == 3)
    p->type = fuzz_text(in);
  value = fuzz_short(in, &len);
  fuzz_put(&p->value, value, len);
  if (kind & 4)
    put_first_boundary(&p->value, seed);
  if (kind & 8)
    fuzz_put(&p->value, value, len);
}

static void add_parts(fcgip_multipart *multipart, parts *p, fuzz_input *in, uint64_t seed)
{
  p->count = 0;
  while (in->left > 0 && p->count < MOST_PARTS) {
    part *next = &p->items[p->count];
    int is_bad, rc;

    read_part(next, in, seed);
    is_bad = next->type != NULL && strpbrk(next->type, "\r\n") != NULL;
    rc = add_part(multipart, next);
    if (rc == FCGIP_OK) {
      FUZZ_CHECK(!is_bad);
      p->count++;
      continue;
    }
    FUZZ_CHECK(is_bad ? rc == FCGIP_EINVAL : rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
    free_part(next);
  }
}

static void check_composed(const fcgip_multipart *multipart, const parts *p, uint64_t seed)
{
  fcgip__mem mem = fuzz_mem();
  fcgip__boundary boundary;
  fcgip__buffer content;
  fcgip__random random;
  int rc;

  fcgip__random_init(&random, seed);
  fcgip__buffer_init(&content, &mem, SIZE_MAX / 2);
  rc = fcgip__multipart_compose(multipart, &random, &content, &boundary);
  if (rc == FCGIP_OK)
    check_content(content.data, content.len, boundary.text, p);
  else
    FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
  fcgip__buffer_deinit(&content);
}

static void check_request(const fcgip_multipart *multipart, const parts *p)
{
  static const char type[] = "multipart/form-data; boundary=";
  fcgip_request *request;
  const char *got;
  const void *content;
  size_t len;

  if (fcgip_request_new_with_allocator(&request, "POST", "/a.php", &fuzz_memory.hook) < 0) {
    FUZZ_CHECK(fuzz_is_out_of_memory());
    return;
  }
  if (fcgip_request_set_multipart(request, multipart) == FCGIP_OK) {
    got = fcgip_request_content_type(request);
    content = fcgip_request_content(request, &len);
    FUZZ_CHECK(strncmp(got, type, sizeof(type) - 1) == 0);
    check_content(content, len, got + sizeof(type) - 1, p);
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory() && fcgip_request_content_length(request) == 0);
  }
  fcgip_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};
  uint64_t seed = fuzz_u16(&in);
  fcgip_multipart *multipart;
  parts p;
  size_t i;

  fuzz_begin();
  if (fcgip_multipart_new_with_allocator(&multipart, &fuzz_memory.hook) == FCGIP_OK) {
    add_parts(multipart, &p, &in, seed);
    check_composed(multipart, &p, seed);
    check_request(multipart, &p);
    for (i = 0; i < p.count; i++)
      free_part(&p.items[i]);
    fcgip_multipart_free(multipart);
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory() && multipart == NULL);
  }
  fuzz_end();
  return 0;
}
