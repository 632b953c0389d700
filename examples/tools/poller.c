#include "poller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Threads need little, and more of them would help nobody. */
enum { GROUPS_MOST = 256, STACK_SIZE = 256 << 10 };

typedef enum group_state {
  GROUP_IDLE,
  GROUP_ORDERED, /* to ask */
  GROUP_ASKING,
  GROUP_ENDING /* the thread is to end, or has */
} group_state;

struct poller_group {
  poller *poller;
  size_t first, count;
  fcgip_collection *collection;
  fcgip_cluster_proxy *cluster;
  pthread_mutex_t lock; /* of the state */
  pthread_cond_t ordered;
  group_state state;
  pthread_t thread;
};

/* ---- in the thread ---- */

static void post(const poller *made, const poller_message *message)
{
  struct pollfd room = {.fd = made->ends[1], .events = POLLOUT};

  while (write(made->ends[1], message, sizeof(*message)) < 0 && (errno == EAGAIN || errno == EINTR))
    poll(&room, 1, -1);
}

/* A name that had no address may have one by now. Of an endpoint nobody else looks at more than its text, which
 * never changes. */
static void resolve_again(const poller_group *group, const fcgip_status_list *last)
{
  size_t i;

  for (i = 0; i < group->count; i++)
    if (fcgip_server_status_error(fcgip_status_list_at(last, i)) == FCGIP_ERESOLVE)
      fcgip_endpoint_resolve(group->poller->servers->ends[group->first + i]);
}

/* Waits for an order. 0 if there is one, -1 if it is the last. */
static int next_order(poller_group *group)
{
  int rc;

  pthread_mutex_lock(&group->lock);
  while (group->state == GROUP_IDLE)
    pthread_cond_wait(&group->ordered, &group->lock);
  rc = group->state == GROUP_ORDERED ? 0 : -1;
  if (rc == 0)
    group->state = GROUP_ASKING;
  pthread_mutex_unlock(&group->lock);
  return rc;
}

static void end_order(poller_group *group)
{
  pthread_mutex_lock(&group->lock);
  if (group->state == GROUP_ASKING)
    group->state = GROUP_IDLE;
  pthread_mutex_unlock(&group->lock);
}

static void *run(void *data)
{
  poller_group *group = data;
  const fcgip_status_list *last = NULL; /* lives until the next one has come */

  while (next_order(group) == 0) {
    poller_message answer = {.group = (size_t)(group - group->poller->groups)};

    if (last != NULL)
      resolve_again(group, last);
    answer.rc =
        fcgip_cluster_proxy_get_status(group->cluster, group->poller->page, -1, &answer.list);
    last = answer.list;
    end_order(group);
    post(group->poller, &answer);
  }
  return NULL;
}

/* ---- in the main thread ---- */

static int start_thread(poller_group *group)
{
  pthread_attr_t attributes;
  sigset_t all, before;
  int rc;

  if (pthread_attr_init(&attributes) != 0)
    return -1;
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  rc = pthread_create(&group->thread, &attributes, run, group);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return rc == 0 ? 0 : -1;
}

static int start_group(poller *made, poller_group *group, size_t first, size_t count)
{
  group->poller = made;
  group->first = first;
  group->count = count;
  if (fcgip_cluster_new(&group->collection,
                        (const fcgip_endpoint *const *)made->servers->ends + first, count) < 0 ||
      fcgip_cluster_proxy_new(&group->cluster, group->collection, NULL) < 0 ||
      pthread_mutex_init(&group->lock, NULL) != 0 || pthread_cond_init(&group->ordered, NULL) != 0)
    return -1;
  return start_thread(group);
}

int poller_start(poller *made, const servers *all, const char *page, int is_one_group)
{
  size_t count = is_one_group ? 1 : all->count, i;

  if (count > GROUPS_MOST)
    count = GROUPS_MOST;
  made->servers = all;
  made->page = page;
  made->groups = calloc(count, sizeof(*made->groups));
  if (made->groups == NULL || pipe(made->ends) != 0 ||
      fcntl(made->ends[0], F_SETFL, O_NONBLOCK) != 0 ||
      fcntl(made->ends[1], F_SETFL, O_NONBLOCK) != 0)
    return -1;
  for (i = 0; i < count; i++) {
    size_t first = i * all->count / count, end = (i + 1) * all->count / count;

    if (start_group(made, &made->groups[i], first, end - first) != 0)
      return -1;
    made->group_count++;
  }
  return 0;
}

size_t poller_group_servers(const poller *made, size_t group, size_t *first)
{
  *first = made->groups[group].first;
  return made->groups[group].count;
}

void poller_ask(poller *made, size_t group)
{
  poller_group *asked = &made->groups[group];

  pthread_mutex_lock(&asked->lock);
  asked->state = GROUP_ORDERED;
  pthread_cond_signal(&asked->ordered);
  pthread_mutex_unlock(&asked->lock);
}

/* 0 if the thread ends now. */
static int end_group(poller_group *group)
{
  int is_asking;

  pthread_mutex_lock(&group->lock);
  is_asking = group->state == GROUP_ASKING || group->state == GROUP_ORDERED;
  group->state = GROUP_ENDING;
  pthread_cond_signal(&group->ordered);
  pthread_mutex_unlock(&group->lock);
  if (!is_asking)
    return pthread_join(group->thread, NULL);
  pthread_detach(group->thread);
  return -1;
}

int poller_stop(poller *made)
{
  poller_message unread;
  int rc = 0;
  size_t i;

  for (i = 0; i < made->group_count; i++)
    rc |= end_group(&made->groups[i]);
  if (rc != 0)
    return -1;
  while (read(made->ends[0], &unread, sizeof(unread)) == (ssize_t)sizeof(unread))
    if (unread.signal == 0)
      fcgip_status_list_free(unread.list);
  for (i = 0; i < made->group_count; i++) {
    fcgip_cluster_proxy_free(made->groups[i].cluster);
    fcgip_collection_free(made->groups[i].collection);
    pthread_cond_destroy(&made->groups[i].ordered);
    pthread_mutex_destroy(&made->groups[i].lock);
  }
  free(made->groups);
  close(made->ends[0]);
  close(made->ends[1]);
  return 0;
}

void poller_post_signal(const poller *made, int number)
{
  poller_message told = {.signal = number};
  ssize_t n = write(made->ends[1], &told, sizeof(told));

  (void)n; /* a full pipe has woken the main thread already */
}
