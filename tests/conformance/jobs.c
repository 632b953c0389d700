/* Each cell of the table is found out by a process of its own: a client that crashes, or that changes
 * something of its process, is seen and does no harm to the others. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/instrumented.h"
#include "conformance/runner.h"
#include "support/peer_conn.h"

#define MAX_JOBS 16
#define LONGEST_MS 900000

typedef struct job {
  conf_row *row;
  size_t column;
  pid_t pid; /* 0: none */
  int report;
  uint64_t begun_ms;
  char folder[120];
} job;

typedef struct report {
  conf_outcome outcome;
  uint64_t runs;
  char message[1500];
} report;

static conf_splits splits_for(const conf_options *options, size_t column)
{
  if (options->has_splits)
    return options->splits;
  if (column > 0)
    return SPLITS_SOME;
  if (getenv("FCGIP_TEST_LONG") != NULL)
    return SPLITS_EVERY;
  return CONF_IS_INSTRUMENTED ? SPLITS_TWO : SPLITS_ALL;
}

static void run_row(const conf_options *options, conf_row *row, size_t column, size_t slot,
                    const char *folder, report *out)
{
  conf_test test = {.adapter = conf_adapters[column],
                    .row = row->first,
                    .folder = folder,
                    .slot = slot,
                    .splits = splits_for(options, column),
                    .is_short = options->is_short};
  const char *reason;
  conf_case one;
  size_t i;

  for (i = 0; i < row->count && test.outcome != OUTCOME_FAIL; i++) {
    one = row->first[i];
    one.level = row->first->level;
    if (one.script != NULL) {
      conf_exchange(&test, &one);
    } else if (one.run != NULL) {
      reason = conf_unable(test.adapter, &one);
      if (reason == NULL && options->is_short && (one.flags & LONG) != 0)
        reason = "takes long";
      if (reason != NULL)
        conf_skip(&test, "%s", reason);
      else
        one.run(&test);
    }
  }
  if (test.outcome == OUTCOME_PASS && test.checked == 0) {
    test.outcome = OUTCOME_SKIPPED;
    snprintf(test.message, sizeof(test.message), "nothing was checked");
  }
  out->outcome = test.outcome;
  out->runs = test.runs;
  memcpy(out->message, test.message, sizeof(out->message));
}

static void child_main(const conf_options *options, const job *j, size_t slot, int to)
{
  report out;

  memset(&out, 0, sizeof(out));
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  run_row(options, j->row, j->column, slot, j->folder, &out);
  if (write(to, &out, sizeof(out)) != (ssize_t)sizeof(out))
    _exit(99);
  close(to);
  exit(0); /* not _exit(): tools that look for leaks do it now */
}

static void start(job *j, const conf_options *options, size_t slot, const char *folder,
                  unsigned long number)
{
  int ends[2];

  snprintf(j->folder, sizeof(j->folder), "%s/%lu", folder, number);
  if (mkdir(j->folder, 0700) != 0 || pipe2(ends, O_CLOEXEC) != 0)
    abort();
  j->begun_ms = peer_now_ms();
  fflush(NULL);
  j->pid = fork();
  if (j->pid < 0)
    abort();
  if (j->pid == 0) {
    close(ends[0]);
    child_main(options, j, slot, ends[1]);
  }
  close(ends[1]);
  j->report = ends[0];
}

static void collect(job *j, int is_late)
{
  conf_cell *cell = &j->row->cells[j->column];
  report got;
  ssize_t n;
  int status;

  memset(&got, 0, sizeof(got));
  n = is_late ? 0 : read(j->report, &got, sizeof(got));
  if (is_late)
    kill(j->pid, SIGKILL);
  waitpid(j->pid, &status, 0);
  close(j->report);
  cell->outcome = got.outcome;
  cell->runs = got.runs;
  cell->seconds = (double)(peer_now_ms() - j->begun_ms) / 1000;
  memcpy(cell->message, got.message, sizeof(cell->message));
  cell->message[sizeof(cell->message) - 1] = '\0';
  if (n != (ssize_t)sizeof(got) || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    cell->outcome = OUTCOME_FAIL;
    n = (ssize_t)strlen(cell->message);
    snprintf(cell->message + n, sizeof(cell->message) - (size_t)n, "%sthe process %s %d",
             n > 0 ? "; " : "",
             is_late               ? "hung; killed by"
             : WIFSIGNALED(status) ? "died of signal"
                                   : "ended with status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  j->pid = 0;
  rmdir(j->folder);
}

static void wait_for_one(job *jobs, size_t count)
{
  struct pollfd fds[MAX_JOBS];
  size_t i;

  for (i = 0; i < count; i++) {
    fds[i].fd = jobs[i].pid > 0 ? jobs[i].report : -1;
    fds[i].events = POLLIN;
    fds[i].revents = 0;
  }
  poll(fds, (nfds_t)count, 1000);
  for (i = 0; i < count; i++) {
    int is_late = jobs[i].pid > 0 && peer_now_ms() - jobs[i].begun_ms > LONGEST_MS;

    if (fds[i].revents != 0 || is_late)
      collect(&jobs[i], is_late && fds[i].revents == 0);
  }
}

static int is_slow(const conf_row *row)
{
  size_t i;

  for (i = 0; i < row->count; i++)
    if ((row->first[i].flags & SLOW) != 0)
      return 1;
  return 0;
}

/* Gives a cell to a free process, after waiting for one. */
static void give_out(job *jobs, const conf_options *options, conf_row *row, size_t column,
                     const char *folder, unsigned long number)
{
  report out;
  size_t i;

  if (options->jobs == 0) {
    memset(&out, 0, sizeof(out));
    run_row(options, row, column, 0, folder, &out);
    row->cells[column].outcome = out.outcome;
    row->cells[column].runs = out.runs;
    memcpy(row->cells[column].message, out.message, sizeof(out.message));
    return;
  }
  for (;;) {
    for (i = 0; i < options->jobs; i++) {
      if (jobs[i].pid == 0) {
        jobs[i].row = row;
        jobs[i].column = column;
        start(&jobs[i], options, i, folder, number);
        return;
      }
    }
    wait_for_one(jobs, options->jobs);
  }
}

static void set_up(conf_table *table, const conf_options *options, const char *folder)
{
  size_t j;

  for (j = 0; j < CONF_ADAPTERS; j++) {
    if (options->adapter != NULL && strcmp(options->adapter, conf_adapters[j]->name) != 0)
      table->absent[j] = "";
    else
      table->absent[j] = conf_adapters[j]->set_up(folder, options->jobs > 0 ? options->jobs : 1);
  }
}

void conf_run_all(conf_table *table, const conf_options *options, const char *folder)
{
  job jobs[MAX_JOBS];
  unsigned long number = 0;
  size_t i, j, k;
  int slow;

  memset(jobs, 0, sizeof(jobs));
  set_up(table, options, folder);
  for (slow = 1; slow >= 0; slow--) {
    for (i = 0; i < table->count; i++) {
      for (j = 0; j < CONF_ADAPTERS; j++) {
        if (table->absent[j] != NULL || is_slow(&table->rows[i]) != slow)
          continue;
        give_out(jobs, options, &table->rows[i], j, folder, number++);
      }
    }
  }
  for (k = 0; k < options->jobs; k++)
    while (jobs[k].pid != 0)
      wait_for_one(jobs, options->jobs);
  for (j = 0; j < CONF_ADAPTERS; j++)
    if (table->absent[j] == NULL || conf_adapters[j]->socket_of != NULL)
      conf_adapters[j]->tear_down();
}
