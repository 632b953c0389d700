#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/script.h"

#define ARGS 7

typedef struct text_arg {
  uint64_t number;
  uint8_t *bytes;
  size_t len, cap;
} text_arg;

typedef struct parser {
  conf_script *script;
  const char *text, *at;
  size_t data_cap, step_cap, id_cap, id_count, step_count;
  size_t send_from; /* where the data of the open step begins */
  size_t send_ids;  /* and its ids */
  int is_open;
  uint64_t pattern;
  text_arg args[ARGS];
  size_t arg_count;
} parser;

static void *grow(void *block, size_t size)
{
  void *grown = realloc(block, size);

  if (grown == NULL)
    abort();
  return grown;
}

static void fail(const parser *p, const char *why)
{
  fprintf(stderr, "script: %s at \"%.40s\" of \"%.200s\"\n", why, p->at, p->text);
  abort();
}

uint8_t conf_pattern(uint64_t at)
{
  return (uint8_t)('a' + (at + at / 251 + at / 65521) % 26);
}

static void skip_blanks(parser *p)
{
  while (isspace((unsigned char)*p->at))
    p->at++;
}

static uint64_t number(parser *p)
{
  char *end;
  uint64_t value = strtoull(p->at, &end, 10);

  if (end == p->at)
    fail(p, "a number has to be");
  p->at = end;
  return value;
}

static void arg_put(text_arg *arg, uint8_t byte)
{
  if (arg->len == arg->cap) {
    arg->cap = arg->cap > 0 ? 2 * arg->cap : 64;
    arg->bytes = grow(arg->bytes, arg->cap);
  }
  arg->bytes[arg->len++] = byte;
}

static uint8_t escaped(parser *p)
{
  char hex[3] = {0};
  char c = *++p->at;

  p->at++;
  switch (c) {
  case '0':
    return 0;
  case 'x':
    memcpy(hex, p->at, 2);
    p->at += 2;
    return (uint8_t)strtoul(hex, NULL, 16);
  default:
    return (uint8_t)c;
  }
}

/* 'text', H or P, perhaps with *N. */
static void atom(parser *p, text_arg *arg)
{
  size_t from = arg->len, len, times = 1, i;
  int is_pattern = *p->at == 'P';
  const char *c;

  if (*p->at == 'H') {
    for (c = CONF_HEADER; *c != '\0'; c++)
      arg_put(arg, (uint8_t)*c);
    p->at++;
  } else if (is_pattern) {
    arg_put(arg, conf_pattern(p->pattern++));
    p->at++;
  } else {
    for (p->at++; *p->at != '\'';) {
      if (*p->at == '\0')
        fail(p, "a quote is missing");
      arg_put(arg, *p->at == '\\' ? escaped(p) : (uint8_t)*p->at++);
    }
    p->at++;
  }
  if (*p->at == '*') {
    p->at++;
    times = (size_t)number(p);
  }
  len = arg->len - from;
  if (times == 0) {
    arg->len = from;
    p->pattern -= is_pattern ? 1 : 0;
  }
  for (i = len; times > 0 && i < len * times; i++)
    arg_put(arg, is_pattern ? conf_pattern(p->pattern++) : arg->bytes[from + i % len]);
}

static void parse_args(parser *p)
{
  p->arg_count = 0;
  skip_blanks(p);
  if (*p->at != '(')
    return;
  do {
    text_arg *arg = &p->args[p->arg_count++];

    p->at++;
    if (p->arg_count > ARGS)
      fail(p, "too many arguments");
    arg->number = 0;
    arg->len = 0;
    skip_blanks(p);
    if (isdigit((unsigned char)*p->at))
      arg->number = number(p);
    while (*p->at == '\'' || *p->at == 'H' || *p->at == 'P') {
      atom(p, arg);
      skip_blanks(p);
    }
    skip_blanks(p);
  } while (*p->at == ',');
  if (*p->at++ != ')')
    fail(p, "a parenthesis is missing");
}

static uint64_t arg_number(const parser *p, size_t i)
{
  return i < p->arg_count ? p->args[i].number : 0;
}

static void put(parser *p, const void *bytes, size_t len)
{
  conf_script *s = p->script;

  if (!p->is_open) {
    p->is_open = 1;
    p->send_from = s->data_len;
    p->send_ids = p->id_count;
  }
  if (p->data_cap - s->data_len < len) {
    p->data_cap = 2 * (s->data_len + len);
    s->data = grow(s->data, p->data_cap);
  }
  if (len > 0)
    memcpy(s->data + s->data_len, bytes, len);
  s->data_len += len;
}

static void put_header(parser *p, unsigned version, unsigned type, unsigned id, size_t len,
                       unsigned padding, unsigned reserved)
{
  const uint8_t header[8] = {(uint8_t)version, (uint8_t)type,       (uint8_t)(id >> 8),
                             (uint8_t)id,      (uint8_t)(len >> 8), (uint8_t)len,
                             (uint8_t)padding, (uint8_t)reserved};
  conf_script *s = p->script;

  put(p, header, sizeof(header));
  if (p->id_count == p->id_cap) {
    p->id_cap = p->id_cap > 0 ? 2 * p->id_cap : 8;
    s->ids = grow(s->ids, p->id_cap * sizeof(*s->ids));
  }
  s->ids[p->id_count++] = s->data_len - 6 - p->send_from;
}

static void put_record(parser *p, unsigned type, unsigned id, const void *content, size_t len,
                       unsigned padding)
{
  static const uint8_t zeros[255];

  if (len > 65535 || padding > 255)
    fail(p, "too long a record before");
  put_header(p, 1, type, id, len, padding, 0);
  put(p, content, len);
  put(p, zeros, padding);
}

static void put_end(parser *p, uint64_t app, uint64_t status, const char *reserved,
                    unsigned padding)
{
  const uint8_t body[8] = {(uint8_t)(app >> 24), (uint8_t)(app >> 16), (uint8_t)(app >> 8),
                           (uint8_t)app,         (uint8_t)status,      (uint8_t)reserved[0],
                           (uint8_t)reserved[1], (uint8_t)reserved[2]};

  put_record(p, 3, 1, body, sizeof(body), padding);
}

static void add_step(parser *p, peer_op op, uint32_t ms, uint64_t count)
{
  conf_script *s = p->script;
  peer_step_spec *step;

  if (p->step_count + 1 > p->step_cap) {
    p->step_cap = p->step_cap > 0 ? 2 * p->step_cap : 8;
    s->steps = grow(s->steps, p->step_cap * sizeof(*s->steps));
  }
  step = &s->steps[p->step_count++];
  memset(step, 0, sizeof(*step));
  step->op = op;
  step->ms = ms;
  step->count = count;
}

/* What was put since the last step becomes a step; its pointers are set at the end. */
static void close_send(parser *p, peer_op op, uint32_t ms, uint64_t count)
{
  peer_step_spec *step;

  if (!p->is_open)
    return;
  p->is_open = 0;
  add_step(p, op, ms, count);
  step = &p->script->steps[p->step_count - 1];
  step->len = p->script->data_len - p->send_from;
  step->id_count = p->id_count - p->send_ids;
  if (op == PEER_SEND)
    p->script->send_len += step->len;
}

static void action(parser *p, peer_op op, uint32_t ms, uint64_t count)
{
  close_send(p, PEER_SEND, 0, 0);
  add_step(p, op, ms, count);
  p->script->takes_time |= op == PEER_PAUSE || op == PEER_READ_SLOWLY;
  p->script->ends_connection |=
      op == PEER_FIN || op == PEER_CLOSE || op == PEER_RST || op == PEER_HALF;
}

static void parse_item(parser *p);

static void parse_drip(parser *p)
{
  uint32_t ms = (uint32_t)arg_number(p, 0);
  uint64_t count = arg_number(p, 1);

  close_send(p, PEER_SEND, 0, 0);
  skip_blanks(p);
  if (*p->at++ != '{')
    fail(p, "a brace is missing");
  for (skip_blanks(p); *p->at != '}'; skip_blanks(p))
    parse_item(p);
  p->at++;
  close_send(p, PEER_DRIP, ms, count);
  p->script->takes_time = 1;
}

/* Behind the brace that ends here; braces in texts do not count. */
static void skip_braces(parser *p)
{
  int is_text = 0;

  for (; is_text || *p->at != '}'; p->at++) {
    if (*p->at == '\0')
      fail(p, "a brace is missing");
    if (*p->at == '\'')
      is_text = !is_text;
    else if (is_text && *p->at == '\\')
      p->at++;
  }
  p->at++;
}

/* What is in the braces, again and again; the pattern goes on. */
static void parse_repetition(parser *p)
{
  uint64_t left = arg_number(p, 0);
  const char *begin;

  skip_blanks(p);
  if (*p->at++ != '{')
    fail(p, "a brace is missing");
  for (begin = p->at; left > 0; left--) {
    p->at = begin;
    for (skip_blanks(p); *p->at != '}'; skip_blanks(p))
      parse_item(p);
  }
  p->at = begin;
  skip_braces(p);
}

/* Of what is sent since the last action, only the first bytes. */
static void cut_short(parser *p)
{
  size_t len = (size_t)arg_number(p, 0);

  if (!p->is_open || p->script->data_len - p->send_from < len)
    fail(p, "there is less than that");
  p->script->data_len = p->send_from + len;
  while (p->id_count > p->send_ids && p->script->ids[p->id_count - 1] + 2 > len)
    p->id_count--;
  p->is_open = len > 0;
}

static int parse_sending(parser *p, const char *name)
{
  const text_arg *a = p->args;

  if (strcmp(name, "OUT") == 0 || strcmp(name, "ERR") == 0) {
    put_record(p, name[0] == 'O' ? 6 : 7, 1, a[0].bytes, a[0].len, (unsigned)arg_number(p, 1));
  } else if (strcmp(name, "EOO") == 0 || strcmp(name, "EOE") == 0) {
    put_record(p, name[2] == 'O' ? 6 : 7, 1, "", 0, (unsigned)arg_number(p, 0));
  } else if (strcmp(name, "END") == 0) {
    put_end(p, arg_number(p, 0), arg_number(p, 1), "\0\0\0", (unsigned)arg_number(p, 2));
  } else if (strcmp(name, "ENDR") == 0) {
    put_end(p, a[0].number, a[1].number, (const char *)a[2].bytes, 0);
  } else if (strcmp(name, "R") == 0) {
    put_record(p, (unsigned)a[0].number, (unsigned)a[1].number, a[2].bytes, a[2].len,
               (unsigned)arg_number(p, 3));
  } else if (strcmp(name, "RP") == 0) {
    put_header(p, 1, (unsigned)a[0].number, (unsigned)a[1].number, a[2].len, (unsigned)a[3].len, 0);
    put(p, a[2].bytes, a[2].len);
    put(p, a[3].bytes, a[3].len);
  } else if (strcmp(name, "REC") == 0) {
    put_header(p, (unsigned)a[0].number, (unsigned)a[1].number, (unsigned)a[2].number,
               (size_t)a[3].number, (unsigned)a[4].number, (unsigned)a[5].number);
  } else if (strcmp(name, "OKR") == 0) {
    put_record(p, 6, 1, CONF_HEADER "BODY", strlen(CONF_HEADER) + 4, 0);
    put_record(p, 6, 1, "", 0, 0);
    put_end(p, 0, 0, "\0\0\0", 0);
  } else if (strcmp(name, "RAW") == 0) {
    put(p, a[0].bytes, a[0].len);
  } else {
    return 0;
  }
  return 1;
}

static void parse_item(parser *p)
{
  static const struct {
    const char *name;
    peer_op op;
  } plain[] = {{"READ", PEER_READ_REQUEST}, {"PARAMS", PEER_READ_PARAMS}, {"FIN", PEER_FIN},
               {"RST", PEER_RST},           {"HALF", PEER_HALF},          {"DEAF", PEER_DEAF},
               {"HOLD", PEER_HOLD},         {"AGAIN", PEER_AGAIN},        {"CLOSE", PEER_CLOSE}};
  char name[16];
  size_t len = 0, i;

  while (isupper((unsigned char)*p->at) && len < sizeof(name) - 1)
    name[len++] = *p->at++;
  name[len] = '\0';
  parse_args(p);
  if (parse_sending(p, name))
    return;
  for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
    if (strcmp(name, plain[i].name) == 0) {
      action(p, plain[i].op, 0, 0);
      return;
    }
  }
  if (strcmp(name, "BYTES") == 0)
    action(p, PEER_READ_BYTES, 0, arg_number(p, 0));
  else if (strcmp(name, "SLOW") == 0)
    action(p, PEER_READ_SLOWLY, (uint32_t)arg_number(p, 1), arg_number(p, 0));
  else if (strcmp(name, "WAIT") == 0)
    action(p, PEER_PAUSE, (uint32_t)arg_number(p, 0), 0);
  else if (strcmp(name, "DRIP") == 0)
    parse_drip(p);
  else if (strcmp(name, "REP") == 0)
    parse_repetition(p);
  else if (strcmp(name, "CUT") == 0)
    cut_short(p);
  else
    fail(p, "an unknown word");
}

static int begins_with_reading(const char *text)
{
  static const char *const words[] = {"READ", "PARAMS", "BYTES", "SLOW", "DEAF", "WAIT"};
  size_t i;

  while (isspace((unsigned char)*text))
    text++;
  for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strncmp(text, words[i], strlen(words[i])) == 0)
      return 1;
  return 0;
}

conf_script *conf_script_new(const char *text)
{
  parser p = {0};
  size_t i, data = 0, ids = 0;

  p.script = calloc(1, sizeof(*p.script));
  if (p.script == NULL)
    abort();
  p.text = p.at = text;
  if (!begins_with_reading(text))
    add_step(&p, PEER_READ_REQUEST, 0, 0);
  for (skip_blanks(&p); *p.at != '\0'; skip_blanks(&p))
    parse_item(&p);
  close_send(&p, PEER_SEND, 0, 0);
  for (i = 0; i < p.step_count; i++) {
    peer_step_spec *step = &p.script->steps[i];

    step->data = step->len > 0 ? p.script->data + data : NULL;
    step->ids = step->id_count > 0 ? p.script->ids + ids : NULL;
    data += step->len;
    ids += step->id_count;
  }
  for (i = 0; i < ARGS; i++)
    free(p.args[i].bytes);
  p.script->play.steps = p.script->steps;
  p.script->play.count = p.step_count;
  return p.script;
}

void conf_script_free(conf_script *script)
{
  if (script == NULL)
    return;
  free(script->steps);
  free(script->data);
  free(script->ids);
  free(script);
}
