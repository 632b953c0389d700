/* The decoder. Input: flags, the seed of the cuts (2 bytes), then what a server sends.
 *
 *  - Whole, byte by byte, or in any pieces: the same events, the same fault, the same state in the end.
 *  - They are those that an oracle (wire.h) reads from the bytes.
 *  - It never reads a byte that was not sent: each piece lies in a heap block of exactly its size.
 *  - Slices lie in the piece at hand and are not empty; what it did not take is left to the caller.
 *  - What is received straight into place (fcgip__decoder_advance()) makes no difference, nor does it if short answers
 *    are taken in one step.
 *  - After a fault it stays failed. */
#include <stdlib.h>
#include <string.h>

#include "fastcgi/decoder.h"
#include "fcgiproxy/error.h"
#include "fuzz/wire.h"

/* A log has one unit for each byte of content, so that it does not matter how content was cut. */
enum { UNIT_OUT = 0x100, UNIT_ERR = 0x200, UNIT_END = 0x300, UNIT_FAULT = 0x400 };

static void put_unit(fuzz_buffer *log, unsigned unit)
{
  const uint8_t bytes[2] = {(uint8_t)(unit >> 8), (uint8_t)unit};

  fuzz_put(log, bytes, sizeof(bytes));
}

static void put_units(fuzz_buffer *log, unsigned kind, const uint8_t *data, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    put_unit(log, kind | data[i]);
}

static void put_end(fuzz_buffer *log, uint32_t app_status, unsigned protocol_status)
{
  put_unit(log, UNIT_END);
  put_unit(log, app_status >> 16);
  put_unit(log, app_status & 0xffff);
  put_unit(log, protocol_status);
}

/* ---- the oracle ---- */

static void expect(fuzz_buffer *log, const uint8_t *bytes, size_t len, unsigned id)
{
  size_t at = 0;
  wire_record record;
  int rc;

  while ((rc = wire_next(bytes, len, at, &record)) > 0) {
    enum wire_fault fault = wire_judge(&record, id);

    if (fault != WIRE_FINE) {
      put_unit(log, UNIT_FAULT | fault);
      return;
    }
    if (record.type == 6)
      put_units(log, UNIT_OUT, record.content, record.content_have);
    if (record.type == 7)
      put_units(log, UNIT_ERR, record.content, record.content_have);
    if (record.type == 3 && record.content_have == 8) {
      const uint8_t *body = record.content;

      put_end(log,
              (uint32_t)body[0] << 24 | (uint32_t)body[1] << 16 | (uint32_t)body[2] << 8 | body[3],
              body[4]);
    }
    at = record.next;
  }
  if (rc < 0)
    put_unit(log, UNIT_FAULT | WIRE_VERSION);
}

/* ---- the decoder ---- */

static void note_event(fuzz_buffer *log, const fcgip__event *event)
{
  switch (event->type) {
  case FCGIP__EVENT_MORE:
    break;
  case FCGIP__EVENT_STDOUT:
    put_units(log, UNIT_OUT, event->data, event->len);
    break;
  case FCGIP__EVENT_STDERR:
    put_units(log, UNIT_ERR, event->data, event->len);
    break;
  case FCGIP__EVENT_END:
    put_end(log, event->app_status, event->protocol_status);
    break;
  }
}

static void check_event(const fcgip__event *event, const uint8_t *piece, size_t piece_len)
{
  if (event->type != FCGIP__EVENT_STDOUT && event->type != FCGIP__EVENT_STDERR)
    return;
  FUZZ_CHECK(event->len > 0 && event->len <= piece_len);
  FUZZ_CHECK(event->data >= piece && event->data + event->len <= piece + piece_len);
}

static void note_fault(fcgip__decoder *decoder, fuzz_buffer *log)
{
  const uint8_t byte = 1, *data = &byte;
  size_t len = 1;
  fcgip__event event;

  put_unit(log, UNIT_FAULT | (unsigned)decoder->fault);
  FUZZ_CHECK(decoder->fault != FCGIP__FAULT_NONE);
  FUZZ_CHECK(strlen(fcgip__decoder_fault_text(decoder)) > 10);
  FUZZ_CHECK(fcgip__decoder_next(decoder, &data, &len, &event) == FCGIP_EPROTO);
  FUZZ_CHECK(fcgip__decoder_output_left(decoder) == 0 && !fcgip__decoder_is_idle(decoder));
}

/* As a connection does it first. Returns how many bytes were taken. */
static size_t take_whole(fcgip__decoder *decoder, const uint8_t *data, size_t len, fuzz_buffer *log)
{
  const fcgip__decoder before = *decoder;
  fcgip__event output = {.type = FCGIP__EVENT_MORE}, end = {.type = FCGIP__EVENT_MORE};
  size_t n = fcgip__decoder_take_whole(decoder, data, len, &output, &end);

  FUZZ_CHECK(n <= len);
  if (n == 0) {
    FUZZ_CHECK(decoder->state == before.state && decoder->left == before.left &&
               decoder->held == before.held && decoder->fault == before.fault);
    return 0;
  }
  FUZZ_CHECK(output.type == FCGIP__EVENT_STDOUT && end.type == FCGIP__EVENT_END);
  check_event(&output, data, n);
  note_event(log, &output);
  note_event(log, &end);
  return n;
}

/* 0 after a fault. */
static int feed(fcgip__decoder *decoder, const uint8_t *bytes, size_t len, int in_place,
                fuzz_buffer *log)
{
  uint8_t *piece = fuzz_copy(bytes, len);
  const uint8_t *data = piece;
  fcgip__event event;
  int rc = FCGIP_OK;

  if (in_place) {
    size_t n = fcgip__decoder_output_left(decoder);

    if (n > len)
      n = len;
    if (n > 0)
      fcgip__decoder_advance(decoder, n);
    put_units(log, UNIT_OUT, data, n);
    data += n;
    len -= n;
  } else {
    size_t n = take_whole(decoder, data, len, log);

    data += n;
    len -= n;
  }
  do {
    const uint8_t *from = data;
    size_t had = len;

    rc = fcgip__decoder_next(decoder, &data, &len, &event);
    FUZZ_CHECK(data >= from && (size_t)(data - from) + len == had);
    if (rc < 0)
      break;
    check_event(&event, from, had);
    note_event(log, &event);
    FUZZ_CHECK(event.type != FCGIP__EVENT_MORE || len == 0);
  } while (event.type != FCGIP__EVENT_MORE);
  if (rc < 0)
    note_fault(decoder, log);
  free(piece);
  return rc == FCGIP_OK;
}

/* How long the next piece is: one byte, or any. */
static size_t cut(uint32_t *seed, unsigned way, size_t left)
{
  size_t n = 1;

  if (way == 0)
    return left;
  if (way == 2)
    n = 1 + fuzz_random(seed) % 24;
  if (way == 3)
    n = 1 + fuzz_random(seed) % 3000;
  return n < left ? n : left;
}

static void decode(fcgip__decoder *decoder, const uint8_t *bytes, size_t len, uint32_t seed,
                   unsigned way, int in_place, fuzz_buffer *log)
{
  while (len > 0) {
    size_t n = cut(&seed, way, len);

    if (!feed(decoder, bytes, n, in_place, log))
      return;
    bytes += n;
    len -= n;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const uint16_t ids[] = {1, 2, 256, 65535};
  fuzz_input in = {data, size};
  unsigned flags = fuzz_u8(&in), way;
  uint32_t seed = fuzz_u16(&in) | 0x10000U;
  uint16_t id = ids[flags & 3];
  fuzz_buffer expected = {0};
  fcgip__decoder whole;

  fuzz_begin();
  expect(&expected, in.at, in.left, id);
  for (way = 0; way < 4; way++) {
    fuzz_buffer log = {0};
    fcgip__decoder decoder;

    fcgip__decoder_init(&decoder, id);
    decode(&decoder, in.at, in.left, seed, way, way > 0 && (flags & 4), &log);
    FUZZ_CHECK(fuzz_buffer_equal(&log, &expected));
    if (way == 0)
      whole = decoder;
    FUZZ_CHECK(decoder.state == whole.state && decoder.fault == whole.fault);
    FUZZ_CHECK(fcgip__decoder_is_idle(&decoder) == fcgip__decoder_is_idle(&whole));
    if (decoder.state != FCGIP__DECODE_FAILED)
      FUZZ_CHECK(decoder.left == whole.left && decoder.held == whole.held);
    fuzz_buffer_free(&log);
  }
  fuzz_buffer_free(&expected);
  fuzz_end();
  return 0;
}
