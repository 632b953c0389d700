/* fcgi-status: what php-fpm pools say of themselves, see fcgi-status(1). */
#include <time.h>

#include "status_forms.h"
#include "tool.h"

const char *const tool_name = "fcgi-status";

int status_verdict(const fcgip_status_list *list, const limit_set *limits)
{
  const fcgip_server_status *server;
  int verdict = STATUS_FINE;
  size_t at;

  for (at = 0; (server = fcgip_status_list_at(list, at)) != NULL; at++) {
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);

    if (pool == NULL)
      return STATUS_SERVER_FAILED;
    if (!limits_hold(limits, pool))
      verdict = STATUS_OVER_LIMIT;
  }
  return verdict;
}

/* Once, as long as the slowest server takes: its timeout at most. */
static int ask_once(status_options *options)
{
  fcgip_status_list *list = NULL;
  int rc = fcgip_cluster_proxy_get_status(options->servers.cluster, status_options_page(options),
                                          -1, &list),
      verdict;

  if (rc == FCGIP_OK && options->form == FORM_REPORT)
    form_report(list);
  else if (rc == FCGIP_OK && options->form == FORM_CHECK)
    form_check(list, &options->limits, options->quiet);
  else if (rc == FCGIP_OK && options->form == FORM_JSON)
    form_json(list, options, (int64_t)time(NULL));
  else if (rc == FCGIP_OK)
    rc = form_metrics(list);
  verdict = status_verdict(list, &options->limits);
  fcgip_status_list_free(list);
  if (rc == FCGIP_OK)
    return verdict;
  tool_complain(fcgip_strerror(rc), NULL);
  return rc == FCGIP_EINVAL ? STATUS_USAGE : STATUS_TROUBLE;
}

int main(int argc, char **argv)
{
  status_options options;
  int result = status_options_read(&options, argc, argv);

  if (result < 0) {
    result = options.ping != NULL  ? ping_run(&options)
             : options.is_watching ? watch_run(&options)
                                   : ask_once(&options);
    if (tool_flush() != 0)
      result = STATUS_TROUBLE;
  }
  servers_free(&options.servers);
  return result;
}
