/* For what root is allowed and others are not. */
#ifndef TEST_SUPPORT_NOBODY_H
#define TEST_SUPPORT_NOBODY_H

/* Runs `fn` in a child process that is not root: with user and group id 65534 if this one is. Returns
 * what `fn` returned (0 to 255), or -1 if the child died or could not be made. No cmocka assertion
 * works inside `fn`. */
int nobody_run(int (*fn)(void *data), void *data);

#endif
