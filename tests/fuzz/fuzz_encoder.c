/* Requests as bytes: the smuggling oracle. Input: how to send, then calls that build a request, with any names, values
 * and contents.
 *
 *  - Whatever was accepted, a decoder that shares nothing with the library (wire.h) reads from the bytes one
 *    request and not a byte more: the id, role and flag given, exactly the variables that fcgip_request_param_at()
 *    lists, each once, the content, zero in all reserved bytes, no padding.
 *  - The last value accepted for a name is the one sent; CONTENT_LENGTH is the length of the content; what is refused
 *    changes nothing; no name with NUL, CR, LF or "=", no value with NUL, no PHP_VALUE is accepted.
 *  - From every offset, with every number of bytes accepted, with little room and few iovecs, with the content in a
 *    window: the same bytes, and never no progress.
 *  - Contents of any length up to 2^64: the bytes at any offset are those that arithmetic gives. */
#include <stdlib.h>
#include <string.h>

#include "fastcgi/encoder.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/request.h"
#include "fuzz/wire.h"
#include "message/snapshot.h"

#define MOST_VARS 40

typedef struct var {
  uint8_t *name, *value;
  size_t name_len, value_len;
} var;

/* What was set, in order; later ones of the same name count. */
typedef struct model {
  var vars[MOST_VARS];
  size_t count;
  uint8_t *content;
  size_t content_len;
  unsigned role;
} model;

/* How the bytes are fetched. */
typedef struct way {
  uint32_t seed;
  size_t scratch_cap, iov_cap, most; /* accepted at once */
  size_t window;                     /* of the content; 0: all of it is at hand */
  uint16_t id;
  int keep;
} way;

/* ---- building ---- */

static void note(model *m, const void *name, size_t name_len, const void *value, size_t value_len)
{
  var *v = &m->vars[m->count++];

  v->name = fuzz_copy(name, name_len);
  v->name_len = name_len;
  v->value = fuzz_copy(value, value_len);
  v->value_len = value_len;
}

static int is_clean(const uint8_t *bytes, size_t len, const char *bad, size_t bad_len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (memchr(bad, bytes[i], bad_len) != NULL)
      return 0;
  return 1;
}

static int is(const uint8_t *name, size_t len, const char *text)
{
  return len == strlen(text) && memcmp(name, text, len) == 0;
}

static void set_var(fcgip_request *request, model *m, fuzz_input *in, int allows_php)
{
  size_t name_len, value_len, times = fuzz_u8(in);
  const uint8_t *name = fuzz_short(in, &name_len), *part = fuzz_short(in, &value_len);
  fuzz_buffer value = {0};
  int rc;

  fuzz_put(&value, part, value_len);
  for (; times >= 200 && value_len > 0; times--) /* long ones */
    fuzz_put(&value, part, value_len);
  name = fuzz_copy(name, name_len);
  rc = fcgip_request_set_custom_var_n(request, name, name_len, value.data, value.len);
  if (rc == FCGIP_OK) {
    FUZZ_CHECK(name_len > 0 && is_clean(name, name_len, "\0\r\n=", 4));
    FUZZ_CHECK(is_clean(value.data, value.len, "", 1));
    FUZZ_CHECK(allows_php ||
               (!is(name, name_len, "PHP_VALUE") && !is(name, name_len, "PHP_ADMIN_VALUE")));
    note(m, name, name_len, value.data, value.len);
  } else {
    FUZZ_CHECK(rc == FCGIP_EINVAL || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  }
  free((void *)(uintptr_t)name);
  fuzz_buffer_free(&value);
}

static void set_content(fcgip_request *request, model *m, fuzz_input *in)
{
  size_t len = fuzz_u16(in), i;
  uint32_t seed = fuzz_u8(in) + 1U;
  uint8_t *content;
  int rc;

  if (len >= 60000) /* about the size of a record, and several */
    len = (len - 60000) * 37;
  content = fuzz_alloc(len);
  for (i = 0; i < len; i++)
    content[i] = (uint8_t)fuzz_random(&seed);
  rc = fcgip_request_set_content(request, content, len);
  if (rc == FCGIP_OK) {
    free(m->content);
    m->content = content;
    m->content_len = len;
    return;
  }
  FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
  free(content);
}

static void set_header(fcgip_request *request, fuzz_input *in)
{
  char *name = fuzz_text(in), *value = fuzz_text(in);
  int rc = fcgip_request_add_http_header(request, name, value);

  FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_EINVAL ||
             (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  FUZZ_CHECK(rc != FCGIP_OK || strpbrk(value, "\r\n") == NULL);
  free(name);
  free(value);
}

static void set_text(fcgip_request *request, unsigned which, fuzz_input *in)
{
  typedef int (*setter)(fcgip_request *, const char *);
  static const setter setters[] = {
      fcgip_request_set_server_software, fcgip_request_set_remote_address,
      fcgip_request_set_server_address,  fcgip_request_set_server_name,
      fcgip_request_set_server_protocol, fcgip_request_set_content_type,
      fcgip_request_set_request_uri,     fcgip_request_set_script_filename};
  char *value = fuzz_text(in);
  int rc = setters[which % 8](request, value);

  FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_EINVAL ||
             (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  free(value);
}

static void build(fcgip_request *request, model *m, fuzz_input *in)
{
  int allows_php = 0;

  while (in->left > 0 && m->count < MOST_VARS) {
    unsigned op = fuzz_u8(in);

    switch (op % 8) {
    case 0:
    case 1:
      set_var(request, m, in, allows_php);
      break;
    case 2:
      set_content(request, m, in);
      break;
    case 3:
      set_header(request, in);
      break;
    case 4:
      set_text(request, op / 8, in);
      break;
    case 5:
      m->role = 1 + op / 8 % 3;
      FUZZ_CHECK(fcgip_request_set_role(request, (int)m->role) == FCGIP_OK);
      FUZZ_CHECK(fcgip_request_set_role(request, 4 + (int)op) == FCGIP_EINVAL);
      break;
    case 6:
      allows_php = op & 8 ? 1 : 0;
      FUZZ_CHECK(fcgip_request_allow_php_settings(request, allows_php) == FCGIP_OK);
      break;
    default:
      fcgip_request_set_server_port(request, fuzz_u16(in));
      break;
    }
  }
}

/* ---- sending ---- */

/* As the engine does it: what is sent next is asked for by offset alone. */
static void fetch(fuzz_buffer *to, const fcgip__encoded *encoded, way *w)
{
  uint64_t len = fcgip__encoded_len(encoded);
  uint8_t *scratch = fuzz_alloc(w->scratch_cap);
  struct iovec iov[32];

  while (to->len < len) {
    fcgip__encoded part = *encoded;
    size_t count, i, accepted = 1 + fuzz_random(&w->seed) % w->most, before = to->len;
    uint64_t at = fcgip__encoded_content_at(encoded, to->len);

    FUZZ_CHECK(at <= encoded->content_len);
    if (w->window > 0) {
      part.content_start = at;
      part.content_have = w->window;
      if (encoded->content_len - at < part.content_have)
        part.content_have = (size_t)(encoded->content_len - at);
      part.content = fuzz_copy(encoded->content + at, part.content_have);
    }
    count = fcgip__encode(&part, w->id, w->keep, to->len, scratch, w->scratch_cap, iov, w->iov_cap);
    FUZZ_CHECK(count > 0 && count <= w->iov_cap);
    for (i = 0; i < count; i++) {
      size_t n = iov[i].iov_len < accepted ? iov[i].iov_len : accepted;

      FUZZ_CHECK(iov[i].iov_len > 0);
      fuzz_put(to, iov[i].iov_base, n);
      accepted -= n;
    }
    FUZZ_CHECK(to->len > before && to->len <= len);
    if (w->window > 0)
      free((void *)(uintptr_t)part.content);
  }
  FUZZ_CHECK(
      fcgip__encode(encoded, w->id, w->keep, len, scratch, w->scratch_cap, iov, w->iov_cap) == 0);
  free(scratch);
}

/* ---- checking ---- */

static void check_params(const fcgip_request *request, const wire_request *got)
{
  size_t count = fcgip_request_param_count(request), i, j;
  const char *name, *value;

  FUZZ_CHECK(got->pair_count == count);
  for (i = 0; i < count; i++) {
    const wire_pair *pair = &got->pairs[i];

    FUZZ_CHECK(fcgip_request_param_at(request, i, &name, &value) == FCGIP_OK);
    FUZZ_CHECK(strlen(name) == pair->name_len && strlen(value) == pair->value_len);
    FUZZ_CHECK(memcmp(got->params.data + pair->name_at, name, pair->name_len) == 0);
    FUZZ_CHECK(memcmp(got->params.data + pair->value_at, value, pair->value_len) == 0);
    for (j = 0; j < i; j++)
      FUZZ_CHECK(got->pairs[j].name_len != pair->name_len ||
                 memcmp(got->params.data + got->pairs[j].name_at, name, pair->name_len) != 0);
  }
}

/* A later header may have been joined to a variable of this name, so HTTP_* is left out. */
static void check_model(const model *m, const wire_request *got)
{
  size_t i, j, len;

  for (i = 0; i < m->count; i++) {
    const var *v = &m->vars[i];
    char *name = (char *)fuzz_alloc(v->name_len + 1);
    const uint8_t *value;

    memcpy(name, v->name, v->name_len);
    name[v->name_len] = '\0';
    for (j = i + 1; j < m->count; j++)
      if (m->vars[j].name_len == v->name_len && memcmp(m->vars[j].name, v->name, v->name_len) == 0)
        break;
    value = wire_find(got, name, &len);
    FUZZ_CHECK(value != NULL);
    if (j == m->count && strncmp(name, "HTTP_", 5) != 0 && strcmp(name, "GATEWAY_INTERFACE") != 0 &&
        strcmp(name, "CONTENT_LENGTH") != 0)
      FUZZ_CHECK(len == v->value_len && (len == 0 || memcmp(value, v->value, len) == 0));
    free(name);
  }
}

static void check_sent(const fcgip_request *request, const model *m, const way *w,
                       const fuzz_buffer *sent)
{
  wire_request got;
  const uint8_t *text;
  size_t len, number = 0, i;

  wire_read_request(&got, sent->data, sent->len);
  FUZZ_CHECK(got.wrong == NULL && got.is_whole && got.len == sent->len);
  FUZZ_CHECK(got.id == w->id && got.role == m->role && got.flags == (unsigned)w->keep);
  check_params(request, &got);
  check_model(m, &got);
  FUZZ_CHECK(got.content.len == m->content_len);
  FUZZ_CHECK(m->content_len == 0 || memcmp(got.content.data, m->content, m->content_len) == 0);
  text = wire_find(&got, "CONTENT_LENGTH", &len);
  FUZZ_CHECK(text != NULL && len > 0);
  for (i = 0; i < len; i++)
    number = number * 10 + (size_t)(text[i] - '0');
  FUZZ_CHECK(number == m->content_len);
  wire_request_free(&got);
}

/* The byte at `offset` behind the head, computed. `have` says whether the content there is at hand. */
static uint8_t byte_at(const fcgip__encoded *e, uint16_t id, uint64_t offset, int *have)
{
  uint64_t full = e->content_len / 65535;
  uint64_t record = offset / 65543 < full ? offset / 65543 : full;
  uint64_t in_record = offset - record * 65543, at, len;
  uint8_t header[8] = {1, 5, (uint8_t)(id >> 8), (uint8_t)id};

  len = record < full ? 65535 : e->content_len % 65535;
  *have = 1;
  if (in_record >= 8 + len) { /* the empty one, behind a short last one */
    in_record -= 8 + len;
    len = 0;
  }
  header[4] = (uint8_t)(len >> 8);
  header[5] = (uint8_t)len;
  if (in_record < 8)
    return header[in_record];
  at = record * 65535 + in_record - 8;
  *have = at >= e->content_start && at < e->content_start + e->content_have;
  return *have ? e->content[at - e->content_start] : 0;
}

/* Of a content of which there is only a window: what comes at an offset in the midst of it. */
static void check_far(const fcgip__encoded *encoded, way *w, fuzz_input *in)
{
  fcgip__encoded far = *encoded;
  uint64_t head = 16 + encoded->params_len, offset;
  uint8_t window[3000], scratch[2048];
  struct iovec iov[32];
  size_t count, i, j, sum = 0;
  int have;

  for (i = 0; i < sizeof(window); i++)
    window[i] = (uint8_t)fuzz_random(&w->seed);
  far.content_len = (uint64_t)fuzz_u32(in) << (fuzz_u8(in) % 31) | fuzz_u8(in);
  offset = (fcgip__encoded_len(&far) - head) / 256 * fuzz_u8(in) + fuzz_u16(in);
  if (offset >= fcgip__encoded_len(&far) - head)
    return;
  far.content = window;
  far.content_start = fcgip__encoded_content_at(&far, head + offset);
  far.content_have = sizeof(window);
  if (far.content_len - far.content_start < far.content_have)
    far.content_have = (size_t)(far.content_len - far.content_start);
  count = fcgip__encode(&far, w->id, w->keep, head + offset, scratch, sizeof(scratch), iov, 32);
  FUZZ_CHECK(count > 0);
  for (i = 0; i < count; i++) {
    for (j = 0; j < iov[i].iov_len; j++, sum++) {
      FUZZ_CHECK(((const uint8_t *)iov[i].iov_base)[j] ==
                 byte_at(&far, w->id, offset + sum, &have));
      FUZZ_CHECK(have);
    }
  }
  FUZZ_CHECK(head + offset + sum <= fcgip__encoded_len(&far));
}

static void check_request(const fcgip_request *request, const model *m, way *w, fuzz_input *in)
{
  fuzz_buffer sent = {0};
  fcgip__snapshot *snapshot;
  int rc = fcgip__snapshot_take(&snapshot, request);

  if (rc < 0) { /* or a CONTENT_LENGTH of the caller's that disagrees */
    FUZZ_CHECK(rc == FCGIP_EINVAL || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
    return;
  }
  fetch(&sent, &snapshot->encoded, w);
  check_sent(request, m, w, &sent);
  check_far(&snapshot->encoded, w, in);
  fuzz_buffer_free(&sent);
  fcgip__snapshot_drop(snapshot);
}

static void model_free(model *m)
{
  size_t i;

  for (i = 0; i < m->count; i++) {
    free(m->vars[i].name);
    free(m->vars[i].value);
  }
  free(m->content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size}, far;
  model m = {.role = 1};
  fcgip_request *request;
  way w = {0};
  unsigned flags = fuzz_u8(&in);

  fuzz_begin();
  w.seed = fuzz_u8(&in) + 1U;
  w.scratch_cap = flags & 1 ? 2048 : 16 + fuzz_u8(&in) % 64U;
  w.iov_cap = 1 + fuzz_u8(&in) % 32U;
  w.most = (size_t)1 << (flags >> 5) * 2; /* up to 16384, seldom all */
  w.window = flags & 2 ? 1 + fuzz_u16(&in) : 0;
  w.id = (uint16_t)(1 + fuzz_u16(&in) % 65535U);
  w.keep = (flags & 4) != 0;
  far = in;
  if (fcgip_request_new_with_allocator(&request, "GET", "/a.php", &fuzz_memory.hook) == FCGIP_OK) {
    build(request, &m, &in);
    if (m.content_len > 20000 && w.most < 256)
      w.most = 4096; /* a megabyte byte by byte says no more */
    check_request(request, &m, &w, &far);
    fcgip_request_free(request);
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory());
  }
  model_free(&m);
  fuzz_end();
  return 0;
}
