/* Writes the seed corpus, the same on every machine:
 *
 *   fuzz_seeds FOLDER          makes FOLDER/<target>/<name>; tests/fuzz/run.sh --seeds does it in the checkout
 *
 * Every response of CONFORMANCE.md (seeds_conformance.c) is one for the connection, the decoder and the headers; the other
 * targets have a few by hand. Large records are for the connection only, where three bytes say what is in them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conformance/script.h"
#include "fuzz/net.h"
#include "fuzz/seeds.h"
#include "fuzz/status_page.h"

/* Longer streams are no seeds of the decoder, where they would take their room as they are. */
#define DECODER_MOST 1500

static const char *folder;

static void make_folder(const char *path)
{
  if (mkdir(path, 0777) != 0 && errno != EEXIST) {
    perror(path);
    exit(1);
  }
}

static void save(const char *target, const char *name, const fuzz_buffer *bytes)
{
  char path[4096];
  FILE *file;

  snprintf(path, sizeof(path), "%s/%s", folder, target);
  make_folder(path);
  snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
  file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes->data, 1, bytes->len, file) != bytes->len || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

static void save_bytes(const char *target, const char *name, const void *data, size_t len)
{
  fuzz_buffer bytes = {0};

  fuzz_put(&bytes, data, len);
  save(target, name, &bytes);
  fuzz_buffer_free(&bytes);
}

static void put_byte(fuzz_buffer *to, unsigned byte)
{
  const uint8_t b = (uint8_t)byte;

  fuzz_put(to, &b, 1);
}

static void put_u16(fuzz_buffer *to, size_t number)
{
  put_byte(to, (unsigned)(number >> 8) & 0xff);
  put_byte(to, (unsigned)number & 0xff);
}

/* ---- the connection ---- */

/* Options of fuzz_connection.c, all of them defaults but for the deadlines, and a network without faults. */
static void put_plan(fuzz_buffer *to, unsigned flags, unsigned way, unsigned content)
{
  const uint8_t plan[] = {
      (uint8_t)flags, (uint8_t)way, (uint8_t)content, 250, 200, 100, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0};

  fuzz_put(to, plan, sizeof(plan));
}

static int is_uniform(const wire_record *record)
{
  size_t i;

  for (i = 1; i < record->content_len; i++)
    if (record->content[i] != record->content[0])
      return 0;
  return record->content_len >= 32;
}

static void put_send(fuzz_buffer *to, const uint8_t *bytes, size_t len)
{
  put_byte(to, OP_SEND);
  put_u16(to, len);
  fuzz_put(to, bytes, len);
}

/* A large record of one byte is an OP_BIG; what does not look like records goes as it is. */
static void put_data(fuzz_buffer *to, const uint8_t *bytes, size_t len)
{
  size_t at = 0, from = 0;
  wire_record r;

  while (wire_next(bytes, len, at, &r) > 0 && r.next <= len) {
    if (r.id == 1 && is_uniform(&r)) {
      if (at > from)
        put_send(to, bytes + from, at - from);
      put_byte(to, OP_BIG);
      put_byte(to, r.type);
      put_u16(to, r.content_len);
      put_byte(to, (unsigned)r.padding_len);
      put_byte(to, r.content[0]);
      from = r.next;
    }
    at = r.next;
  }
  if (len > from && len - from <= 65535)
    put_send(to, bytes + from, len - from);
}

static void put_step(fuzz_buffer *to, const peer_step_spec *step)
{
  if (step->op == PEER_SEND)
    put_data(to, step->data, step->len);
  else if (step->op == PEER_READ_REQUEST)
    put_byte(to, OP_REQUEST);
  else if (step->op == PEER_AGAIN)
    put_byte(to, OP_AGAIN);
  else if (step->op == PEER_FIN || step->op == PEER_CLOSE || step->op == PEER_HALF)
    put_byte(to, OP_FIN);
  if (step->op == PEER_RST) {
    put_byte(to, OP_RESET);
    put_byte(to, 0);
  }
  if (step->op == PEER_PAUSE) {
    put_byte(to, OP_WAIT);
    put_u16(to, step->ms);
  }
}

static void put_script(fuzz_buffer *to, const conf_script *script, int is_deaf)
{
  size_t i;

  put_byte(to, CONNECT_OK);
  put_byte(to, 0);
  if (is_deaf) {
    put_byte(to, OP_ROOM);
    put_u16(to, 5000);
    put_byte(to, OP_WAIT);
    put_u16(to, 1);
  }
  for (i = 0; i < script->play.count; i++)
    put_step(to, &script->play.steps[i]);
}

/* ---- a response as a seed ---- */

static void put_stream(fuzz_buffer *to, const conf_script *script)
{
  size_t i;

  for (i = 0; i < script->play.count; i++)
    if (script->play.steps[i].op == PEER_SEND)
      fuzz_put(to, script->play.steps[i].data, script->play.steps[i].len);
}

static void save_stream(const char *name, const conf_script *script)
{
  static const uint8_t decoder[] = {0, 0, 7}, headers[] = {255, 0, 7};
  fuzz_buffer stream = {0}, seed = {0};
  wire_answer answer;

  put_stream(&stream, script);
  if (stream.len <= DECODER_MOST) {
    fuzz_put(&seed, decoder, sizeof(decoder));
    fuzz_put(&seed, stream.data, stream.len);
    save("decoder", name, &seed);
    seed.len = 0;
  }
  wire_read_answer(&answer, stream.data, stream.len, 1);
  if (answer.out.len > 0 && answer.out.len <= DECODER_MOST && strncmp(name, "CLS", 3) != 0) {
    fuzz_put(&seed, headers, sizeof(headers));
    fuzz_put(&seed, answer.out.data, answer.out.len);
    save("headers", name, &seed);
  }
  wire_answer_free(&answer);
  fuzz_buffer_free(&seed);
  fuzz_buffer_free(&stream);
}

/* Whether the row's id begins with one of these. */
static int is_one_of(const char *name, const char *ids)
{
  size_t len;

  for (; *ids != '\0'; ids += len + (ids[len] == ' ')) {
    len = strcspn(ids, " ");
    if (strncmp(name, ids, len) == 0)
      return 1;
  }
  return 0;
}

/* The rows about limits have theirs. */
static void set_limits(fuzz_buffer *seed, const char *name)
{
  unsigned body = 0;

  if (strncmp(name, "STR-11", 6) == 0)
    body = 100;
  if (strncmp(name, "BOD-04", 6) == 0)
    body = 1000;
  seed->data[10] = (uint8_t)(body >> 8);
  seed->data[11] = (uint8_t)body;
  seed->data[9] = strncmp(name, "STR-10", 6) == 0;
}

static void save_response(const char *name, const char *text)
{
  conf_script *script = conf_script_new(text);
  fuzz_buffer seed = {0};
  int keeps = is_one_of(name, "KAL FRM-10 END-12 END-14 CLS-08 CLS-09");
  int uploads = is_one_of(name, "CLS-05 END-12");

  save_stream(name, script);
  put_plan(&seed, (keeps ? 1U : 0) | (uploads ? 0xc0U : 0) | (name[0] == 'B' ? 4U : 0),
           (unsigned)name[strlen(name) - 1] % 4, uploads ? 200 : 0);
  set_limits(&seed, name);
  put_script(&seed, script, uploads);
  save("connection", name, &seed);
  fuzz_buffer_free(&seed);
  conf_script_free(script);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void save_responses(void)
{
  char name[64], text[1024];
  size_t i;
  unsigned n, k = 0;

  for (i = 0; i < seed_script_count; i++) {
    const seed_script *row = &seed_scripts[i];

    k = i > 0 && strcmp(row->id, seed_scripts[i - 1].id) == 0 ? k : 0;
    for (n = row->from; n <= row->to; n += row->step > 0 ? row->step : 1, k++) {
      snprintf(text, sizeof(text), row->script, n, n);
      snprintf(name, sizeof(name), "%s-%02u", row->id, k);
      save_response(name, text);
    }
  }
}
#pragma GCC diagnostic pop

static void save_headers(void)
{
  fuzz_buffer stream = {0}, seed = {0};
  char name[64];
  size_t i, k = 0;

  for (i = 0; i < seed_header_count; i++) {
    const seed_text *row = &seed_headers[i];
    const uint8_t headers[] = {20, 0, 7}, decoder[] = {0, 0, 9};

    k = i > 0 && strcmp(row->id, seed_headers[i - 1].id) == 0 ? k + 1 : 0;
    snprintf(name, sizeof(name), "%s-text-%02zu", row->id, k);
    stream.len = seed.len = 0;
    fuzz_put(&seed, headers, sizeof(headers));
    fuzz_put_text(&seed, row->text);
    save("headers", name, &seed);
    wire_put_record(&stream, 6, 1, row->text, strlen(row->text), 0);
    wire_put_end(&stream, 1, 0, 0, 0);
    seed.len = 0;
    fuzz_put(&seed, decoder, sizeof(decoder));
    fuzz_put(&seed, stream.data, stream.len);
    save("decoder", name, &seed);
    seed.len = 0;
    put_plan(&seed, 0, (unsigned)i % 4, 0);
    put_byte(&seed, CONNECT_OK);
    put_byte(&seed, 0);
    put_byte(&seed, OP_REQUEST);
    put_send(&seed, stream.data, stream.len);
    save("connection", name, &seed);
  }
  fuzz_buffer_free(&seed);
  fuzz_buffer_free(&stream);
}

/* NET: how connect() ends, and one fault at each of the first calls. */
static void save_faults(void)
{
  fuzz_buffer seed = {0};
  char name[64];
  unsigned way, at, fault;

  for (way = 0; way < 2 * CONNECT_COUNT; way++) {
    seed.len = 0;
    put_plan(&seed, way & 1 ? 8 : 0, 0, 5);
    put_byte(&seed, way / 2);
    put_byte(&seed, 2);
    fuzz_put(&seed, "\x04\x03\x00", 3); /* OP_REQUEST, OP_ANSWER */
    snprintf(name, sizeof(name), "NET-connect-%02u", way);
    save("connection", name, &seed);
  }
  for (at = 0; at < 6; at++) {
    for (fault = FAULT_AGAIN; fault <= FAULT_ERROR; fault++) {
      seed.len = 0;
      put_plan(&seed, 0, at % 4, 5);
      seed.data[seed.len - 1] = (uint8_t)(at + 1);
      while (seed.data[15] + 16U > seed.len + 1)
        put_byte(&seed, FAULT_NONE);
      put_byte(&seed, fault);
      fuzz_put(&seed, "\x00\x00\x04\x03\x00", 5);
      snprintf(name, sizeof(name), "NET-10-%u-%u", at, fault);
      save("connection", name, &seed);
    }
  }
  fuzz_buffer_free(&seed);
}

/* ---- the others ---- */

static void save_programs(void)
{
  /* Options, flags, program, callbacks, network; the operations are those of the target. */
  static const uint8_t send_and_read[] =
      "\x02\xc8\x10\x10\x00\x02\x01\x00\x20\x00\x07\x08\x02\x00\x02\x00\x08\x00\xcc\x01\x00"
      "\x00\x05\x00\x00\x00\x04\x03\x00\x0a";
  static const uint8_t callbacks[] =
      "\x00\xc8\x10\x10\x00\x01\x00\x00\x20\x00\x03\x0a\x02\x00\x02\x00\x02\x00\xcc\x01\x0c\x00"
      "\x06\x01\x02\x03\x05\x06\xf7\x00\x02\x00\x00\x00\x04\x03\x08\x0a";
  static const uint8_t pauses[] =
      "\x01\x80\x20\x20\x10\x04\x02\x00\x40\x02\x06\x0e\x02\x00\x06\x00\x0f\x0a\x07\x00\x02\x00"
      "\x05\x00\x8d\x00\x00\x00\x03\x00\x03\x05\x04\x02\x06\x20\x00\x00\x41\x03\x00\x0b\x03\x02\x04"
      "\x06";
  static const uint8_t cluster[] =
      "\x02\xc8\x10\x10\x00\x02\x00\x00\x20\x00\x02\x06\x00\x00\x01\xc0\x06\x00\x00"
      "\x00\x03\x00\x00\x00\x04\x03\x00\x0b\x06\x02\x0b\x00\x00\x04\x06";

  static const uint8_t stale[] =
      "\x00\xc8\x10\x10\x00\x01\x02\x00\x40\x00\x0a\x0a\x00\x05\x02\x00\xcc\x01\x02\x00\xcc\x01\x00"
      "\x00\x02\x00\x00\x00\x04\x03\x00\x04\x06";

  save_bytes("api", "stale", stale, sizeof(stale) - 1);
  save_bytes("api", "send-and-read", send_and_read, sizeof(send_and_read) - 1);
  save_bytes("api", "callbacks", callbacks, sizeof(callbacks) - 1);
  save_bytes("api", "pauses", pauses, sizeof(pauses) - 1);
  save_bytes("cluster", "send-and-wait", cluster, sizeof(cluster) - 1);
}

static void save_texts(void)
{
  static const char *const addresses[] = {"tcp://127.0.0.1:9000",
                                          "localhost:9000",
                                          "[::1]:9000",
                                          "tcp://[fe80::1%lo]:9000",
                                          "/run/php-fpm.sock",
                                          "unix:/run/a.sock",
                                          "unix:///run/a.sock",
                                          "[::ffff:192.0.2.1]:1",
                                          "127.0.0.1:65536",
                                          "a:09",
                                          "::1:9000",
                                          "[a]:1"};
  static const uint8_t form[] = "\x01"
                                "a"
                                "\x03"
                                "b c\x03"
                                "a&b\x02=\0";
  static const uint8_t multipart[] =
      "\0\1\0\1a\2bc\1\4file\5a.png\3xyz\3\1\"\1\"\4a\r\nb\2\r\n\4\2\r\n\0";
  static const uint8_t encoder[] =
      "\x05\x07\x04\0\1\0\4NAME\5value\x02\0\x20\1\x03\3X-A\1b\x0c\6/?a=b\0\0\0\3A=B\1c";
  static const uint8_t pairs[] = "\x0e\x03REQUEST_METHODGET\x0f\x01"
                                 "FCGI_MPXS_CONNS0\x80\0\0\x80";
  char name[32];
  size_t i;

  for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
    fuzz_buffer seed = {0};

    put_byte(&seed, 3);
    fuzz_put_text(&seed, addresses[i]);
    snprintf(name, sizeof(name), "address-%02zu", i);
    save("address", name, &seed);
    fuzz_buffer_free(&seed);
  }
  save_bytes("form", "fields", form, sizeof(form) - 1);
  save_bytes("multipart", "parts", multipart, sizeof(multipart) - 1);
  save_bytes("encoder", "request", encoder, sizeof(encoder) - 1);
  save_bytes("pairs", "pairs", pairs, sizeof(pairs) - 1);
}

static void save_pages(void)
{
  static const uint8_t facts[] =
      "\3www\x3a\4\1\6\x80\0\2\2\3\5\7\2"
      "\x21\x39\x0b\xff\0\7\xa1\xac\x0c\x20\xc\x02\x0c/sl\"<&>ow.php\2ev\5/a.ph"
      "\x22\x39\x0b\1\0\2\5/stat\1-\1-";
  char name[32];
  unsigned form;

  for (form = 0; form < 8; form++) {
    fuzz_input in = {facts, sizeof(facts) - 1};
    fuzz_buffer seed = {0};
    status_page page;

    status_page_read(&page, &in);
    put_byte(&seed, form & 4 ? 0 : 1 + (form & 3));
    put_u16(&seed, 40U * form);
    status_page_print(&page, form, &seed);
    snprintf(name, sizeof(name), "page-%u", form);
    save("status", name, &seed);
    seed.len = 0;
    put_byte(&seed, 128 + form);
    put_u16(&seed, 0);
    fuzz_put(&seed, facts, sizeof(facts) - 1);
    snprintf(name, sizeof(name), "facts-%u", form);
    save("status", name, &seed);
    status_page_free(&page);
    fuzz_buffer_free(&seed);
  }
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  folder = argv[1];
  make_folder(folder);
  save_responses();
  save_headers();
  save_faults();
  save_programs();
  save_texts();
  save_pages();
  return 0;
}
