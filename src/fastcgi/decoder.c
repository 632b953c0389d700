#include "fastcgi/decoder.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"

void fcgip__decoder_init(fcgip__decoder *decoder, uint16_t id)
{
  memset(decoder, 0, sizeof(*decoder));
  decoder->state = FCGIP__DECODE_HEADER;
  decoder->id = id;
}

int fcgip__decoder_is_idle(const fcgip__decoder *decoder)
{
  return decoder->state == FCGIP__DECODE_HEADER && decoder->held == 0;
}

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

/* Fills `hold`; 1 when it is full. */
static int fill(fcgip__decoder *decoder, const uint8_t **data, size_t *len)
{
  size_t n = sizeof(decoder->hold) - decoder->held;

  if (decoder->held == 0 && *len >= sizeof(decoder->hold)) { /* the usual case: whole */
    memcpy(decoder->hold, *data, sizeof(decoder->hold));
    decoder->held = sizeof(decoder->hold);
    *data += sizeof(decoder->hold);
    *len -= sizeof(decoder->hold);
    return 1;
  }
  if (n > *len)
    n = *len;
  memcpy(decoder->hold + decoder->held, *data, n);
  decoder->held = (uint8_t)(decoder->held + n);
  *data += n;
  *len -= n;
  return decoder->held == sizeof(decoder->hold);
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

/* A header is in `hold`: decide how its content will be read. */
static int enter_record(fcgip__decoder *decoder)
{
  int rc;

  if (decoder->hold[0] != FCGIP__VERSION_1)
    return fail(decoder, FCGIP__FAULT_VERSION);
  decoder->type = decoder->hold[1];
  decoder->left = fcgip__get_be16(decoder->hold + 4);
  decoder->padding = decoder->hold[6];
  rc = check_addressee(decoder, fcgip__get_be16(decoder->hold + 2));
  if (rc < 0)
    return rc;

  if (decoder->type == FCGIP__END_REQUEST) {
    if (decoder->left != sizeof(decoder->hold)) /* section 5.5 */
      return fail(decoder, FCGIP__FAULT_END);
    decoder->held = 0;
    decoder->state = FCGIP__DECODE_END;
  } else if ((decoder->type == FCGIP__STDOUT || decoder->type == FCGIP__STDERR) &&
             decoder->left > 0) {
    decoder->held = 0;
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
static void end_request(fcgip__decoder *decoder, fcgip__event *event)
{
  event->type = FCGIP__EVENT_END;
  event->app_status = fcgip__get_be32(decoder->hold);
  event->protocol_status = decoder->hold[4];
  decoder->left = 0;
  leave_record(decoder);
}

int fcgip__decoder_next(fcgip__decoder *decoder, const uint8_t **data, size_t *len,
                        fcgip__event *event)
{
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
      if (fill(decoder, data, len) && (rc = enter_record(decoder)) < 0)
        return rc;
      break;
    case FCGIP__DECODE_CONTENT:
      pass_content(decoder, data, len, event);
      return FCGIP_OK;
    case FCGIP__DECODE_END:
      if (fill(decoder, data, len)) {
        end_request(decoder, event);
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

size_t fcgip__decoder_padding_left(const fcgip__decoder *decoder)
{
  return decoder->state == FCGIP__DECODE_SKIP ? decoder->left : 0;
}

size_t fcgip__decoder_output_left(const fcgip__decoder *decoder)
{
  if (decoder->state != FCGIP__DECODE_CONTENT || decoder->type != FCGIP__STDOUT)
    return 0;
  return decoder->left;
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
