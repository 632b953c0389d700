/* Name-value pairs, FastCGI 1.0 section 3.4: both lengths, each of 1 byte below 128 and of 4 bytes with the top
 * bit set from there on, then name and value. */
#ifndef FCGIP_FASTCGI_PAIRS_H
#define FCGIP_FASTCGI_PAIRS_H

#include <stddef.h>
#include <stdint.h>

/* The bytes a pair takes. 0, or -1 if a length is 2^31 or more, or the sum does not fit. */
int fcgip__pair_size(size_t name_len, size_t value_len, size_t *size);

/* Packs pairs into PARAMS records, each pair whole in one record, as php-fpm decodes every record alone. With
 * `out` NULL it only measures, so that one function does both passes. */
typedef struct fcgip__packer {
  uint8_t *out;
  size_t len;          /* bytes so far, headers included */
  size_t record_start; /* where the open record's header is */
  size_t record_len;   /* its content so far */
  uint16_t id;
} fcgip__packer;

void fcgip__packer_init(fcgip__packer *packer, uint8_t *out, uint16_t id);

/* The pair's size must be at most FCGIP__PARAMS_MAX. */
void fcgip__packer_add(fcgip__packer *packer, const char *name, size_t name_len, const char *value,
                       size_t value_len);

/* Ends the stream with its empty record; returns the bytes in all. */
size_t fcgip__packer_finish(fcgip__packer *packer);

/* Takes the next pair off `data`: 1 got one, 0 there is none, -1 it does not fit its record. */
typedef struct fcgip__pair {
  const char *name;
  size_t name_len;
  const char *value;
  size_t value_len;
} fcgip__pair;

int fcgip__pair_next(const uint8_t **data, size_t *len, fcgip__pair *pair);

/* Writes the GET_VALUES record that asks for the three variables of section 4.1; returns its length. */
#define FCGIP__GET_VALUES_LEN 56u
size_t fcgip__get_values(uint8_t *out);

/* What GET_VALUES_RESULT said; -1 where it did not, or no number was given. */
typedef struct fcgip__capabilities {
  int64_t max_conns;
  int64_t max_reqs;
  int64_t mpxs_conns;
} fcgip__capabilities;

/* FCGIP_OK; FCGIP_EPROTO: a pair that does not fit. */
int fcgip__capabilities_read(fcgip__capabilities *capabilities, const uint8_t *data, size_t len);

#endif
