#include "pacs/dimse/associate.h"

#include <string.h>

#include "pacs/dimse/wire.h"

static const PacsReject no_common_version = {1, 2, 2, "protocol-version-not-supported"};
static const PacsReject no_application_context = {1, 1, 2, "application-context-not-supported"};
static const PacsReject calling_not_recognised = {1, 1, 3, "calling-aet-not-recognised"};
static const PacsReject called_not_recognised = {1, 1, 7, "called-aet-not-recognised"};

/* Trims spaces at both ends, and the NULs some devices pad with. False if a byte is left that no AE title
 * has. */
static bool take_aet(PacsSlice wire, char ret_aet[PACS_AET_SIZE])
{
    PacsSlice trimmed = pacs_uid_trim(wire); /* the same padding rules as a UID's */
    bool valid = true;

    for (size_t i = 0; i < trimmed.size; i++) {
        ret_aet[i] = trimmed.text[i];
        if (!pacs_wire_is_text(ret_aet[i])) {
            ret_aet[i] = '?';
            valid = false;
        }
    }
    ret_aet[trimmed.size] = '\0';
    return valid;
}

static const PacsReject *find_objection(const PacsAssociateRequest *request, const PacsDimseOptions *options,
                                        const char *remote_ip, PacsNegotiated *negotiated)
{
    bool called_valid = take_aet(request->called_aet, negotiated->called_aet);
    bool calling_valid = take_aet(request->calling_aet, negotiated->calling_aet);

    negotiated->permissions = pacs_permissions_of(options, pacs_slice(negotiated->calling_aet), remote_ip);
    if (!(request->protocol_version & 1)) /* versions are bits, ours is the first (PS3.8 9.3.2) */
        return &no_common_version;
    if (!pacs_slice_equal(request->application_context, PACS_UID_APPLICATION_CONTEXT))
        return &no_application_context;
    if (!called_valid)
        return &called_not_recognised;
    if (options->check_called_aet &&
        !pacs_aet_equal(options, pacs_slice(negotiated->called_aet), options->aet))
        return &called_not_recognised;
    if (!calling_valid || (!negotiated->permissions.echo && !negotiated->permissions.store))
        return &calling_not_recognised;
    return NULL;
}

/* ---- Presentation contexts ---- */

static bool storage_class_wanted(const PacsDimseOptions *options, PacsSlice uid)
{
    if (pacs_matches_any(&options->rejected_sop_classes, uid))
        return false;
    return options->accepted_sop_classes.count == 0 || pacs_matches_any(&options->accepted_sop_classes, uid);
}

/* A class nobody registered may be a private or a future storage class; what is registered as something else
 * (a query, a print job) is not taken for one. */
static PacsService service_of(const PacsDimseOptions *options, PacsSlice uid)
{
    if (pacs_slice_equal(uid, PACS_UID_VERIFICATION))
        return PACS_SERVICE_ECHO;
    if (!pacs_uid_acceptable(uid) || !storage_class_wanted(options, uid))
        return PACS_SERVICE_NONE;
    if (pacs_uid_is_storage(uid))
        return PACS_SERVICE_STORE;
    return options->unknown_sop_class_accepted && !pacs_uid_find(uid) ? PACS_SERVICE_STORE
                                                                      : PACS_SERVICE_NONE;
}

/* A verification has no data set, so the operator's list is not about it. Real-time video is no stored
 * object. */
static bool transfer_syntax_wanted(const PacsDimseOptions *options, PacsService service,
                                   const PacsUidEntry *syntax)
{
    if (syntax->flags & PACS_UID_NO_DATA_SET)
        return false;
    return service == PACS_SERVICE_ECHO || options->accepted_transfer_syntaxes.count == 0 ||
           pacs_matches_any(&options->accepted_transfer_syntaxes, pacs_slice(syntax->uid));
}

/* The first one we know: objects are kept as they come and never converted on the way in, so every syntax is
 * as good as any other to us, and the sender names first what it has or does best. */
static const PacsUidEntry *choose_transfer_syntax(const PacsDimseOptions *options, PacsService service,
                                                  PacsSlice proposed)
{
    PacsSlice uid;

    while (pacs_pdu_next_transfer_syntax(&proposed, &uid)) {
        const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(uid);
        if (syntax && transfer_syntax_wanted(options, service, syntax))
            return syntax;
    }
    return NULL;
}

static PacsContext answer_context(const PacsProposedContext *proposed, const PacsDimseOptions *options,
                                  const PacsPermissions *permissions)
{
    PacsContext context = {.id = proposed->id, .service = service_of(options, proposed->abstract_syntax)};
    PacsSlice uid = proposed->abstract_syntax;

    if (context.service == PACS_SERVICE_NONE) {
        context.result = PACS_CONTEXT_NO_ABSTRACT_SYNTAX;
    } else if (!(context.service == PACS_SERVICE_ECHO ? permissions->echo : permissions->store)) {
        context.result = PACS_CONTEXT_REFUSED;
    } else {
        memcpy(context.sop_class_uid, uid.text, uid.size); /* acceptable: at most PACS_UID_MAX */
        context.transfer_syntax = choose_transfer_syntax(options, context.service,
                                                         proposed->transfer_syntaxes);
        context.result = context.transfer_syntax ? PACS_CONTEXT_ACCEPTED : PACS_CONTEXT_NO_TRANSFER_SYNTAX;
    }
    return context;
}

bool pacs_associate_negotiate(const PacsAssociateRequest *request, const PacsDimseOptions *options,
                              const char *remote_ip, PacsNegotiated *ret_negotiated, PacsReject *ret_reject)
{
    memset(ret_negotiated, 0, sizeof *ret_negotiated);
    const PacsReject *objection = find_objection(request, options, remote_ip, ret_negotiated);
    if (objection) {
        *ret_reject = *objection;
        return false;
    }

    ret_negotiated->peer_max_pdu = request->max_pdu;
    ret_negotiated->context_count = request->context_count;
    for (size_t i = 0; i < request->context_count; i++)
        ret_negotiated->contexts[i] = answer_context(&request->contexts[i], options,
                                                     &ret_negotiated->permissions);
    return true;
}
