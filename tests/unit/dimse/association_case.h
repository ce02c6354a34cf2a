#pragma once

#include "pacs/dimse/association.h"
#include "tests/unit/dimse/script.h"
#include "tests/unit/dimse/wire_build.h"

/**
 * An association that runs when everything the peer says has been written down, and what the peer heard.
 */
#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"
#define INSTANCE "1.2.3.4.5"
#define ECHO 1 /* context ids of the usual request */
#define STORE 3

typedef struct Case {
    Script script;
    FakeSink sink;
    PacsDrain drain;
    PacsDimseOptions options;
    PacsAssociationPeer peer;
} Case;

/* Before and after each test: the Case is its state. */
int begin_case(void **state);
int end_case(void **state);
#define CASE_TEST(name) cmocka_unit_test_setup_teardown(name, begin_case, end_case)

PacsAssociationResult run(Case *c);
extern const WireContext usual_contexts[3];
/** Verification, CT images and a query that is not accepted. */
void say_request(Case *c);
void say_release(Case *c);

typedef struct Heard {
    uint8_t type;
    const uint8_t *body;
    uint32_t length;
} Heard;

/** The PDU at *at, which moves on; type 0 if there is none. */
Heard next_heard(const Case *c, size_t *at);
Heard last_heard(const Case *c);
void expect_abort(const Case *c, uint8_t source, uint8_t reason);

typedef struct HeardResponse {
    uint16_t field, message_id, status;
    char comment[80];
    PacsTag offending;
} HeardResponse;

/** The response that is the which-th PDU after the acceptance, from 0. */
HeardResponse response_heard(const Case *c, unsigned which);
void expect_response(const Case *c, unsigned which, uint16_t field, uint16_t message_id, uint16_t status);
