/* FPM, continued: what php-fpm does with bytes that the library would not send. Measured on 8.2.36. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/fpm_cases.h"
#include "conformance/php.h"

/* The types of the records received, such as "66e": 6 STDOUT, e END_REQUEST of id `id`; others by number. */
static void types_of(const conf_bytes *got, unsigned id, char *out, size_t cap)
{
  const uint8_t *at = (const uint8_t *)got->data;
  size_t left = got->len, n, len = 0;

  while (left >= 8 && len + 1 < cap) {
    n = 8 + ((size_t)at[4] << 8 | at[5]) + at[6];
    out[len++] = at[1] == 3 ? 'e' : at[1] < 10 ? (char)('0' + at[1]) : '+';
    if (((unsigned)at[2] << 8 | at[3]) != id)
      out[len - 1] = '?';
    if (n > left)
      break;
    at += n;
    left -= n;
  }
  out[len] = '\0';
}

/* One request by hand; `how` it ended and which records came. */
int fpm_by_hand(const php *p, unsigned id, unsigned role, unsigned flags, const char *script,
                char *types, conf_bytes *got)
{
  reference_bytes sent = {0};
  int how;

  php_request(&sent, id, role, flags, script, NULL);
  how = php_exchange(p, &sent, 10000, got);
  types_of(got, id, types, 40);
  free(sent.data);
  return how;
}

void fpm_roles_and_versions(conf_test *test)
{
  conf_bytes got = {0};
  reference_bytes sent = {0};
  char script[200], types[40];
  php p;
  int how;

  if (!php_start(&p, test, 0, "", ""))
    return;
  snprintf(script, sizeof(script), "%s", php_script(&p, "role.php", "echo $_SERVER['FCGI_ROLE'];"));
  if (strcmp(test->row->id, "FPM-04") == 0) {
    CHECK(test, fpm_by_hand(&p, 1, 2, 0, script, types, &got) == 'e' &&
                    memmem(got.data, got.len, "AUTHORIZER", 10) != NULL);
    CHECK(test, fpm_by_hand(&p, 1, 3, 0, script, types, &got) == 'e' &&
                    memmem(got.data, got.len, "FILTER", 6) != NULL);
    how = fpm_by_hand(&p, 1, 99, 0, script, types, &got);
    php_fact(&p, how == 'r' && got.len == 0, "RST for role 99");
  } else {
    php_request(&sent, 1, 1, 0, script, NULL);
    sent.data[0] = 0;
    how = php_exchange(&p, &sent, 10000, &got);
    php_fact(&p, how == 'r' && got.len == 0, "RST for version 0");
    sent.data[0] = 2;
    php_fact(&p, php_exchange(&p, &sent, 10000, &got) == 'e', "version 2 is answered");
  }
  free(sent.data);
  conf_bytes_free(&got);
  php_stop(&p);
}

void fpm_ids(conf_test *test)
{
  static const unsigned some[] = {0, 0x1234, 65535};
  conf_bytes got = {0};
  char script[200], types[40];
  size_t i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  snprintf(script, sizeof(script), "%s", php_script(&p, "id.php", "echo 'x';"));
  for (i = 0; i < 3; i++) {
    CHECK(test, fpm_by_hand(&p, some[i], 1, 0, script, types, &got) == 'e');
    php_fact(&p, strcmp(types, "6e") == 0, "the id is echoed");
  }
  conf_bytes_free(&got);
  php_stop(&p);
}

void fpm_management(conf_test *test)
{
  static const char answer[] = "\x01\x0a\x00\x00\x00\x12\x06\x00\x0f\x01"
                               "FCGI_MPXS_CONNS0";
  conf_bytes got = {0};
  reference_bytes sent = {0}, pairs = {0};
  char script[200];
  int fd, how;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  snprintf(script, sizeof(script), "%s", php_script(&p, "m.php", "echo 'x';"));
  reference_put_pair(&pairs, "FCGI_MAX_CONNS", 14, "", 0);
  reference_put_pair(&pairs, "FCGI_MPXS_CONNS", 15, "", 0);
  if (strcmp(test->row->id, "FPM-07") == 0) {
    reference_record(&sent, 9, 0, pairs.data, pairs.len, 0);
    fd = php_connect(&p);
    CHECK(test, write(fd, sent.data, sent.len) == (ssize_t)sent.len);
    CHECK(test, php_read(fd, 300, &got) == 't');
    php_fact(&p, got.len >= sizeof(answer) - 1 && memcmp(got.data, answer, sizeof(answer) - 1) == 0,
             "only FCGI_MPXS_CONNS=0");
    sent.len = 0;
    php_request(&sent, 1, 1, 0, script, NULL);
    CHECK(test, write(fd, sent.data, sent.len) == (ssize_t)sent.len);
    php_fact(&p, php_read(fd, 10000, &got) == 'e', "the next request works");
    close(fd);
  } else {
    reference_record(&sent, 99, 0, "", 0, 0);
    how = php_exchange(&p, &sent, 10000, &got);
    php_fact(&p, how == 'f' && got.len == 0, "FIN for an unknown management type");
  }
  free(sent.data);
  free(pairs.data);
  conf_bytes_free(&got);
  php_stop(&p);
}

static char *filled(size_t len)
{
  char *text = malloc(len + 1);

  if (text == NULL)
    abort();
  memset(text, 'v', len);
  text[len] = '\0';
  return text;
}

/* PARAMS whose pair is cut in two, or is more than a record holds. */
void fpm_cut_pairs(conf_test *test)
{
  conf_bytes got = {0};
  reference_bytes pair = {0}, sent = {0};
  char *value = filled(70000);
  size_t first;
  int how;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  for (first = 0; first < 2; first++) {
    size_t at = first == 0 ? 40 : 65535;

    pair.len = sent.len = 0;
    reference_put_pair(&pair, "LONG", 4, value, first == 0 ? 100 : 70000);
    reference_begin(&sent, 1, 1, 0);
    reference_record(&sent, 4, 1, pair.data, at, 0);
    reference_record(&sent, 4, 1, pair.data + at, pair.len - at, 0);
    reference_record(&sent, 4, 1, "", 0, 0);
    reference_stdin(&sent, 1, "", 0);
    how = php_exchange(&p, &sent, 10000, &got);
    php_fact(&p, how == 'r', "RST for a pair over two records");
  }
  free(value);
  free(pair.data);
  free(sent.data);
  conf_bytes_free(&got);
  php_stop(&p);
}

/* A request of which CONTENT_LENGTH says one thing and STDIN another. */
static void disagreeing(reference_bytes *to, const char *script, const char *length,
                        const char *content)
{
  const char *names[] = {"SCRIPT_FILENAME", "REQUEST_METHOD", "CONTENT_LENGTH"};
  const char *values[] = {script, "PUT", length};

  to->len = 0;
  reference_begin(to, 1, 1, 0);
  reference_params(to, 1, names, values, length != NULL ? 3 : 2, 65535);
  reference_record(to, 4, 1, "", 0, 0);
  reference_stdin(to, 1, content, strlen(content));
}

void fpm_content_lengths(conf_test *test)
{
  conf_bytes got = {0};
  reference_bytes sent = {0};
  char script[200];
  int fd;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  snprintf(script, sizeof(script), "%s",
           php_script(&p, "in.php", "echo strlen(file_get_contents('php://input'));"));
  if (strcmp(test->row->id, "FPM-11") == 0) {
    disagreeing(&sent, script, "10", "12345");
    fd = php_connect(&p);
    CHECK(test, write(fd, sent.data, sent.len) == (ssize_t)sent.len);
    php_fact(&p, php_read(fd, 500, &got) == 't',
             "it waits for content that CONTENT_LENGTH promised");
    CHECK(test, write(fd, "\x01\x05\x00\x01\x00\x00\x00\x00", 8) == 8);
    php_fact(&p, php_read(fd, 10000, &got) == 'e', "a second empty STDIN releases it");
    close(fd);
  } else {
    disagreeing(&sent, script, NULL, "1234567890");
    php_fact(&p, php_exchange(&p, &sent, 10000, &got) == 'e',
             "without CONTENT_LENGTH it is answered");
    disagreeing(&sent, script, "5", "1234567890");
    php_fact(&p, php_exchange(&p, &sent, 10000, &got) == 'e',
             "with too small a CONTENT_LENGTH it is answered");
  }
  free(sent.data);
  conf_bytes_free(&got);
  php_stop(&p);
}

/* Two requests on one connection, one in the other, or one after the other without waiting. */
void fpm_two_on_one(conf_test *test)
{
  conf_bytes got = {0};
  reference_bytes sent = {0}, second = {0};
  char script[200];
  int fd, how, keep;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  snprintf(script, sizeof(script), "%s", php_script(&p, "two.php", "echo 'x';"));
  if (strcmp(test->row->id, "FPM-13") == 0) {
    php_request(&second, 2, 1, 1, script, NULL);
    reference_begin(&sent, 1, 1, 1);
    reference_put(&sent, second.data, second.len);
    how = php_exchange(&p, &sent, 10000, &got);
    php_fact(&p, how == 'r' || how == 'e', "interleaved requests are not both answered");
  } else {
    for (keep = 1; keep >= 0; keep--) {
      sent.len = 0;
      php_request(&sent, 1, 1, (unsigned)keep, script, NULL);
      php_request(&sent, 2, 1, (unsigned)keep, script, NULL);
      fd = php_connect(&p);
      CHECK(test, write(fd, sent.data, sent.len) == (ssize_t)sent.len);
      CHECK(test, php_read(fd, 10000, &got) == 'e');
      how = php_read(fd, 1000, &got);
      php_fact(&p, keep ? how == 'e' || how == 't' : how != 'e', "2 answers with keep, 1 without");
      close(fd);
    }
  }
  free(sent.data);
  free(second.data);
  conf_bytes_free(&got);
  php_stop(&p);
}

/* A worker is held until the client closes: with two unclosed connections the third request waits. */
void fpm_held_workers(conf_test *test)
{
  conf_bytes got = {0};
  reference_bytes sent = {0};
  int fds[3], i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_request(&sent, 1, 1, 0, php_script(&p, "h.php", "echo 'x';"), NULL);
  for (i = 0; i < 3; i++) {
    fds[i] = php_connect(&p);
    CHECK(test, write(fds[i], sent.data, sent.len) == (ssize_t)sent.len);
    if (i < 2)
      CHECK(test, php_read(fds[i], 10000, &got) == 'e');
  }
  php_fact(&p, php_read(fds[2], 500, &got) == 't', "the third request waits");
  close(fds[0]);
  php_fact(&p, php_read(fds[2], 10000, &got) == 'e', "until one of the others is closed");
  close(fds[1]);
  close(fds[2]);
  free(sent.data);
  conf_bytes_free(&got);
  php_stop(&p);
}
