/* The cases of ENC that are not in cases_enc.c. */
#ifndef CONFORMANCE_ENC_H
#define CONFORMANCE_ENC_H

#include "conformance/suite.h"

/* Sends the request and decodes what came. 1 if it is right; *out is to be freed in any case. */
int enc_decode(conf_test *test, const conf_request *request, reference_request *out);

void enc_codec_request(conf_test *test);
void enc_codec_no_params(conf_test *test);
void enc_codec_get_values(conf_test *test);
void enc_content_lengths(conf_test *test);
void enc_content_of_4_gib(conf_test *test);
void enc_content_length_variable(conf_test *test);
void enc_source_too_short(conf_test *test);
void enc_source_too_long(conf_test *test);
void enc_ids(conf_test *test);
void enc_cancel_sends_nothing(conf_test *test);
void enc_no_padding(conf_test *test);
void enc_set_twice(conf_test *test);
void enc_refused(conf_test *test);
void enc_php_settings(conf_test *test);
void enc_proxy_header(conf_test *test);
void enc_underscore_header(conf_test *test);
void enc_joined_headers(conf_test *test);
void enc_one_send(conf_test *test);
void enc_short_sends(conf_test *test);

#endif
