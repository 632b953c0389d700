/* Tests that need something this machine may not have. */
#ifndef TEST_SUPPORT_SKIP_H
#define TEST_SUPPORT_SKIP_H

/* The exit status of a test program that ends here because of `reason`: 77, which ctest counts as
 * skipped; 1 where nothing may be skipped (CI=true in the environment). Prints the reason. For main():
 *   const char *reason = fpm_skip_reason();
 *   if (reason != NULL)
 *     return skip_program(reason); */
int skip_program(const char *reason);

#endif
