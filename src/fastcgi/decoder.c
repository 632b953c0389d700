#include "fastcgi/decoder.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"

static int fail(fcgip__decoder *decoder, enum fcgip__fault fault)
{
  decoder->state = FCGIP__DECODE_FAILED;
  decoder->fault = fault;
  return FCGIP_EPROTO;
}

/* Leave the record: drop what is left of its content, then its padding. */
static void leave_record(fcgip__decoder *decoder)
{
  decoder->left += decoder->padding;
  decoder->held = 0;
  decoder->state = decoder->left > 0 ? FCGIP__DECODE_SKIP : FCGIP__DECODE_HEADER;
}

/* The 8 bytes of a header or of END_REQUEST's body: usually they have come whole, else they are gathered in `hold`.
 * NULL until all are there. */
static const uint8_t *take_eight(fcgip__decoder *decoder, const uint8_t **data, size_t *len)
{
  const uint8_t *at = *data;
  size_t n = sizeof(decoder->hold) - decoder->held;

  assert(at != NULL && *len > 0);
  if (n > *len)
    n = *len;
  *data += n;
  *len -= n;
  if (n == sizeof(decoder->hold))
    return at;
  memcpy(decoder->hold + decoder->held, at, n);
  decoder->held = (uint8_t)(decoder->held + n);
  return decoder->held == sizeof(decoder->hold) ? decoder->hold : NULL;
}

/* Section 3.3: id 0 is the connection's own ("management"), any other must be our request's. Management records
 * that nobody asked for, known or not, are skipped (section 4.2 foresees new ones). */
static int check_addressee(fcgip__decoder *decoder, uint16_t id)
{
  switch ((enum fcgip__record_type)decoder->type) {
  case FCGIP__STDOUT:
  case FCGIP__STDERR:
  case FCGIP__END_REQUEST:
    return id == decoder->id ? FCGIP_OK : fail(decoder, FCGIP__FAULT_ID);
  case FCGIP__GET_VALUES_RESULT:
  case FCGIP__UNKNOWN_TYPE:
    return id == 0 ? FCGIP_OK : fail(decoder, FCGIP__FAULT_ID);
  case FCGIP__BEGIN_REQUEST:
  case FCGIP__ABORT_REQUEST:
  case FCGIP__PARAMS:
  case FCGIP__STDIN:
  case FCGIP__DATA:
  case FCGIP__GET_VALUES:
    return fail(decoder, FCGIP__FAULT_TYPE);
  }
  return id == 0 ? FCGIP_OK : fail(decoder, FCGIP__FAULT_TYPE);
}

/* A header is whole: decide how its content will be read. */
static int enter_record(fcgip__decoder *decoder, const uint8_t *header)
{
  uint16_t id = fcgip__get_be16(header + 2);
  int rc;

  decoder->held = 0;
  decoder->type = header[1];
  decoder->left = fcgip__get_be16(header + 4);
  decoder->padding = header[6];
  rc = check_addressee(decoder, id);
  if (rc < 0)
    return rc;

  if (decoder->type == FCGIP__END_REQUEST) {
    if (decoder->left != sizeof(decoder->hold)) /* section 5.5 */
      return fail(decoder, FCGIP__FAULT_END);
    decoder->state = FCGIP__DECODE_END;
  } else if ((decoder->type == FCGIP__STDOUT || decoder->type == FCGIP__STDERR) &&
             decoder->left > 0) {
    decoder->state = FCGIP__DECODE_CONTENT;
  } else {
    leave_record(decoder);
  }
  return FCGIP_OK;
}

static void pass_content(fcgip__decoder *decoder, const uint8_t **data, size_t *len,
                         fcgip__event *event)
{
  size_t n = *len < decoder->left ? *len : decoder->left;

  event->type = decoder->type == FCGIP__STDOUT ? FCGIP__EVENT_STDOUT : FCGIP__EVENT_STDERR;
  event->data = *data;
  event->len = n;
  *data += n;
  *len -= n;
  decoder->left -= (uint32_t)n;
  if (decoder->left == 0)
    leave_record(decoder);
}

static void skip(fcgip__decoder *decoder, const uint8_t **data, size_t *len)
{
  size_t n = *len < decoder->left ? *len : decoder->left;

  *data += n;
  *len -= n;
  decoder->left -= (uint32_t)n;
  if (decoder->left == 0)
    decoder->state = FCGIP__DECODE_HEADER;
}

/* Section 5.5: appStatus 4, protocolStatus 1, reserved 3 (php-fpm leaves old bytes there). */
static void end_request(fcgip__decoder *decoder, const uint8_t *body, fcgip__event *event)
{
  event->type = FCGIP__EVENT_END;
  event->app_status = fcgip__get_be32(body);
  event->protocol_status = body[4];
  decoder->left = 0;
  leave_record(decoder);
}

int fcgip__decoder_next(fcgip__decoder *decoder, const uint8_t **data, size_t *len,
                        fcgip__event *event)
{
  const uint8_t *eight;
  int rc;

  memset(event, 0, sizeof(*event));
  while (*len > 0) {
    switch (decoder->state) {
    case FCGIP__DECODE_HEADER:
      /* A wrong version is told from its first byte, before a whole header has come. */
      if (decoder->held == 0 && **data != FCGIP__VERSION_1) {
        decoder->hold[0] = **data;
        return fail(decoder, FCGIP__FAULT_VERSION);
      }
      eight = take_eight(decoder, data, len);
      if (eight != NULL && (rc = enter_record(decoder, eight)) < 0)
        return rc;
      break;
    case FCGIP__DECODE_CONTENT:
      pass_content(decoder, data, len, event);
      return FCGIP_OK;
    case FCGIP__DECODE_END:
      eight = take_eight(decoder, data, len);
      if (eight != NULL) {
        end_request(decoder, eight, event);
        return FCGIP_OK;
      }
      break;
    case FCGIP__DECODE_SKIP:
      skip(decoder, data, len);
      break;
    case FCGIP__DECODE_FAILED:
      return FCGIP_EPROTO;
    }
  }
  return FCGIP_OK;
}

void fcgip__decoder_advance(fcgip__decoder *decoder, size_t len)
{
  assert(len <= fcgip__decoder_output_left(decoder));
  decoder->left -= (uint32_t)len;
  if (decoder->left == 0)
    leave_record(decoder);
}

const char *fcgip__decoder_fault_text(const fcgip__decoder *decoder)
{
  switch (decoder->fault) {
  case FCGIP__FAULT_NONE:
    return "no fault";
  case FCGIP__FAULT_VERSION:
    if (decoder->hold[0] == 'H')
      return "record of an unknown version: the server seems to speak HTTP";
    if (decoder->hold[0] == 0x15 || decoder->hold[0] == 0x16)
      return "record of an unknown version: the server seems to speak TLS";
    return "record of an unknown version";
  case FCGIP__FAULT_TYPE:
    return "record of a type that no application sends";
  case FCGIP__FAULT_ID:
    return "record with the id of another request";
  case FCGIP__FAULT_END:
    return "END_REQUEST whose body is not 8 bytes";
  }
  return "no fault";
}

/* END_REQUEST as a whole. */
#define END_LEN ((size_t)FCGIP__HEADER_LEN + 8)

static int is_header(const uint8_t *header, uint16_t id, enum fcgip__record_type type)
{
  return header[0] == FCGIP__VERSION_1 && header[1] == type && fcgip__get_be16(header + 2) == id;
}

size_t fcgip__decoder_take_whole(fcgip__decoder *decoder, const uint8_t *data, size_t len,
                                 fcgip__event *output, fcgip__event *end)
{
  const uint8_t *second;
  size_t first_len;

  if (len < FCGIP__HEADER_LEN + END_LEN || !fcgip__decoder_is_idle(decoder) ||
      !is_header(data, decoder->id, FCGIP__STDOUT))
    return 0;
  output->len = fcgip__get_be16(data + 4);
  first_len = FCGIP__HEADER_LEN + output->len + data[6];
  if (output->len == 0 || len < first_len + END_LEN)
    return 0;
  second = data + first_len;
  if (!is_header(second, decoder->id, FCGIP__END_REQUEST) || fcgip__get_be16(second + 4) != 8)
    return 0;
  output->type = FCGIP__EVENT_STDOUT;
  output->data = data + FCGIP__HEADER_LEN;
  decoder->type = FCGIP__END_REQUEST;
  decoder->padding = second[6];
  end_request(decoder, second + FCGIP__HEADER_LEN, end);
  return first_len + END_LEN;
}
