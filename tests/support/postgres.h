#pragma once

/**
 * A PostgreSQL of the test's own: Debian's server in a temporary folder, reached by a Unix socket in it, ended with the test.
 * The server refuses to run as root; then it runs as the user `postgres`.
 */
typedef struct TestPostgres TestPostgres;

/** NULL: PostgreSQL is not installed, or does not start (what it said is on standard error). */
TestPostgres *test_postgres_start(void);
void test_postgres_stop(TestPostgres *postgres); /* NULL is fine */

/** "postgresql://..."; the server's superuser. Borrowed. */
const char *test_postgres_url(const TestPostgres *postgres);

/** As a power cut would, and up again on the same data. */
void test_postgres_kill(TestPostgres *postgres);
int test_postgres_restart(TestPostgres *postgres); /* 0: it answers */
