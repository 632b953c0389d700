/* What hostile servers answer. What is right then, the judge reads off the bytes that were received. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

typedef void (*trick)(sim_run *run, sim_worker *worker, uint16_t id);

static void add_text(sim_bytes *out, unsigned type, uint16_t id, const char *text, size_t padding)
{
  sim_record(out, type, id, text, strlen(text), padding);
}

static void good_answer(sim_run *run, sim_bytes *out, uint16_t id)
{
  char body[400];
  size_t len = (size_t)sim_below(&run->world, sizeof(body));

  memset(body, 'b', sizeof(body));
  if (sim_chance(&run->world, 300))
    add_text(out, SIM_STDERR, id, "PHP message: something", 2);
  add_text(out, SIM_STDOUT, id, "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n", 4);
  sim_record(out, SIM_STDOUT, id, body, len, (size_t)sim_below(&run->world, 256));
  sim_end(out, id, 0, 0);
}

static enum sim_ending some_ending(sim_world *world)
{
  return (enum sim_ending)sim_below(world, SIM_ENDS_OPEN + 1);
}

static void flips_bytes(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;
  size_t n = 1 + (size_t)sim_below(&run->world, 3);

  good_answer(run, out, id);
  while (n-- > 0) {
    uint8_t *byte = &out->data[sim_below(&run->world, out->len)];

    *byte = (uint8_t)(*byte ^ (1u << sim_below(&run->world, 8)));
  }
  worker->script.ending = some_ending(&run->world);
}

static void cuts_off(sim_run *run, sim_worker *worker, uint16_t id)
{
  good_answer(run, &worker->script.bytes, id);
  worker->script.bytes.len = (size_t)sim_below(&run->world, worker->script.bytes.len);
  worker->script.ending = some_ending(&run->world);
}

static void drips_nothing(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;

  if (sim_chance(&run->world, 500))
    add_text(out, SIM_STDOUT, id, "X: y\r\n\r\nsome", 0);
  switch (sim_below(&run->world, 3)) {
  case 0:
    sim_record(out, SIM_STDERR, id, "", 0, 0);
    break;
  case 1:
    sim_record(out, SIM_GET_VALUES_RESULT, 0, "", 0, 0);
    break;
  default:
    sim_record(out, 77, 0, "whatever", 8, 3);
    break;
  }
  worker->script.drip_len = 8;
  if (out->data[out->len - 1] != 0x5a) /* not an empty record: all of it */
    worker->script.drip_len = 8 + 8 + 3;
  worker->script.drip_us = 1000 + (uint32_t)sim_below(&run->world, 10000);
  worker->script.drips = (uint32_t)sim_below(&run->world, 700);
  worker->script.ending = some_ending(&run->world);
}

static void drips_content(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;
  size_t len = 1 + (size_t)sim_below(&run->world, 600);
  char body[600];

  memset(body, 'x', sizeof(body));
  if (sim_chance(&run->world, 800))
    add_text(out, SIM_STDOUT, id, "X: y\r\n\r\n", 0);
  sim_record(out, sim_chance(&run->world, 700) ? SIM_STDOUT : SIM_STDERR, id, body, len, 0);
  worker->script.drip_len = 8 + len;
  worker->script.drip_us = 200 + (uint32_t)sim_below(&run->world, 20000);
  worker->script.drips = (uint32_t)sim_below(&run->world, 300);
  worker->script.ending = some_ending(&run->world);
}

static void endless_header(sim_run *run, sim_worker *worker, uint16_t id)
{
  char line[1200];

  memset(line, 'h', sizeof(line));
  line[1] = ':';
  memcpy(line + sizeof(line) - 3, "\r\n", 3);
  add_text(&worker->script.bytes, SIM_STDOUT, id, line, 0);
  worker->script.drip_len = worker->script.bytes.len;
  worker->script.drip_us = (uint32_t)sim_below(&run->world, 1000);
  worker->script.drips = (uint32_t)sim_below(&run->world, 150);
  worker->script.ending = some_ending(&run->world);
}

static void lies_about_length(sim_run *run, sim_worker *worker, uint16_t id)
{
  static const char *const lengths[] = {
      "3", "5", "-4", "4,4", "0x4", "", "99999999999999999999999"};
  char block[120];

  snprintf(block, sizeof(block), "Content-Length: %s\r\n\r\nBODY",
           lengths[sim_below(&run->world, sizeof(lengths) / sizeof(lengths[0]))]);
  add_text(&worker->script.bytes, SIM_STDOUT, id, block, 0);
  sim_end(&worker->script.bytes, id, 0, 0);
}

static void ends_oddly(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;

  if (sim_chance(&run->world, 700))
    add_text(out, SIM_STDOUT, id, "X: y\r\n\r\nBODY", 0);
  switch (sim_below(&run->world, 5)) {
  case 0:
    sim_end(out, id, 0, 0);
    sim_end(out, id, 0, 0);
    break;
  case 1:
    sim_end(out, id, 0, 0);
    add_text(out, SIM_STDOUT, id, "SMUGGLED", 0);
    break;
  case 2:
    sim_record(out, SIM_END, id, "\0\0\0\0\0\0\0\0\0", (size_t)sim_below(&run->world, 10), 0);
    break;
  case 3:
    sim_record(out, SIM_END, id, "\0\0\0\0\0\0\0\0", 8, (size_t)sim_below(&run->world, 256));
    if (sim_chance(&run->world, 500))
      sim_script_pause(&worker->script, (uint32_t)sim_below(&run->world, 5000));
    if (sim_chance(&run->world, 500))
      add_text(out, SIM_STDERR, id, "late", 0);
    break;
  default:
    sim_end(out, id, 3, (uint8_t)sim_below(&run->world, 6));
    break;
  }
  if (sim_chance(&run->world, 300))
    worker->script.ending = some_ending(&run->world);
}

static void wrong_records(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;
  unsigned type = (unsigned)sim_below(&run->world, 13);
  uint16_t other = (uint16_t)(id + sim_below(&run->world, 3));

  if (sim_chance(&run->world, 500))
    add_text(out, SIM_STDOUT, id, "X: y\r\n\r\nBO", 0);
  add_text(out, type, sim_chance(&run->world, 300) ? 0 : other, "EVIL1234",
           (size_t)sim_below(&run->world, 9));
  good_answer(run, out, id);
}

static void not_fastcgi(sim_run *run, sim_worker *worker, uint16_t id)
{
  (void)id;
  if (sim_chance(&run->world, 500))
    sim_bytes_text(&worker->script.bytes, "HTTP/1.1 400 Bad Request\r\n\r\n");
  else
    sim_bytes_add(&worker->script.bytes, "\x15\x03\x01\x00\x02\x02\x50", 7);
  worker->script.ending = some_ending(&run->world);
}

static void says_nothing(sim_run *run, sim_worker *worker, uint16_t id)
{
  (void)id;
  worker->script.ending = some_ending(&run->world);
}

static void empty_streams(sim_run *run, sim_worker *worker, uint16_t id)
{
  sim_bytes *out = &worker->script.bytes;

  sim_record(out, SIM_STDOUT, id, "", 0, 0);
  sim_record(out, SIM_STDERR, id, "", 0, 255);
  good_answer(run, out, id);
  sim_record(out, SIM_STDERR, id, "", 0, 0);
}

static const trick tricks[] = {flips_bytes,   flips_bytes,   cuts_off,       cuts_off,
                               drips_nothing, drips_content, endless_header, lies_about_length,
                               ends_oddly,    ends_oddly,    wrong_records,  not_fastcgi,
                               says_nothing,  empty_streams};

static void make(sim_site *site, sim_worker *worker, uint16_t id)
{
  sim_run *run = site->run;

  tricks[sim_below(&run->world, sizeof(tricks) / sizeof(tricks[0]))](run, worker, id);
  /* Not through the eye of a needle. */
  if (worker->script.drip_len * worker->script.drips > site->listener->link.down_cap * 2000)
    worker->script.drips =
        (uint32_t)(site->listener->link.down_cap * 2000 / worker->script.drip_len);
  if (sim_chance(&run->world, 200))
    worker->script.reading = (enum sim_reading)sim_below(&run->world, 3);
}

int sim_hostile_accept(void *context, sim_worker *worker)
{
  sim_site *site = context;

  if (!sim_chance(&site->run->world, 150))
    return 0;
  make(site, worker, 1);
  return 1;
}

void sim_hostile_params(void *context, sim_worker *worker)
{
  sim_site *site = context;

  make(site, worker, worker->question.id);
  worker->script.waits_for_content = sim_chance(&site->run->world, 500);
}
