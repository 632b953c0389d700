/* Scripts of the peer as text, in the words of CONFORMANCE.md:
 *
 *   OUT(s,pad) ERR(s,pad)       STDOUT, STDERR; the padding may be left out here and below
 *   EOO(pad) EOE(pad)           empty STDOUT, STDERR
 *   END(app,status,pad)         END_REQUEST; ENDR(app,status,'xyz') with these reserved bytes
 *   R(type,id,s,pad)            any record; REC(version,type,id,length,padding,reserved) any header
 *   OKR                         OUT(H 'BODY') EOO END(0,0)
 *   RP(type,id,s,padding)       a record with these bytes as its padding
 *   RAW(s)                      bytes as they are
 *   REP(n){...}                 what is in the braces, n times; CUT(n) leaves n bytes of what is sent
 *                               since the last action
 *   READ PARAMS BYTES(n) SLOW(n,ms) DEAF   what the peer reads, and when; READ comes first by itself
 *   WAIT(ms) FIN CLOSE RST HALF HOLD AGAIN as in peer.h; HOLD comes last by itself
 *   DRIP(ms,n){...}             what is in the braces, every ms, n times; 0: for ever
 *
 * A string is a row of: 'text' with \0 \\ \' \xHH, H (the header block of CONFORMANCE.md), P (a byte of
 * a pattern that runs through the script), each perhaps with *N behind it. */
#ifndef CONFORMANCE_SCRIPT_H
#define CONFORMANCE_SCRIPT_H

#include "support/peer.h"

#define CONF_HEADER "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"

typedef struct conf_script {
  peer_script play;
  peer_step_spec *steps;
  uint8_t *data;
  size_t data_len;
  size_t *ids;
  size_t send_len;     /* bytes in all, drips apart */
  int ends_connection; /* by FIN, RST or HALF */
  int takes_time;      /* pauses or drips */
} conf_script;

/* Aborts with a message if the text is wrong. */
conf_script *conf_script_new(const char *text);
void conf_script_free(conf_script *script);

/* The byte at this place of the pattern. */
uint8_t conf_pattern(uint64_t at);

#endif
