/* Looking at other processes through /proc. */
#ifndef TEST_SUPPORT_PROCESSES_H
#define TEST_SUPPORT_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

/* 1 if the process exists and its command line begins with `title`. A title that does not end in a
 * space has to be the whole of it. Zombies have no command line. */
int processes_has_title(pid_t pid, const char *title);

/* Writes the process ids of the children of `parent` with that title, in ascending order and `cap` at
 * most; returns how many there are. `pids` may be NULL if `cap` is 0. */
size_t processes_children(pid_t parent, const char *title, pid_t *pids, size_t cap);

#endif
