#include "pacs/bridge/dcmtk_json.h"

#include <sstream>

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcjson.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcsequen.h>

#include "pacs/bridge/guard.h"

namespace
{

PacsStatus fail(PacsError *err, const OFCondition &condition)
{
    return pacs_fail(err, PACS_INVALID, "DCMTK: %s", condition.text());
}

bool is_encapsulated(DcmElement *element)
{
    auto *pixels = dynamic_cast<DcmPixelData *>(element);
    if (!pixels)
        return false;
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    pixels->getOriginalRepresentationKey(syntax, parameter);
    return DcmXfer(syntax).isEncapsulated();
}

/* Of this data set and, one after the other instead of by recursion, of all items in it. */
void drop_encapsulated_pixels(DcmItem &root)
{
    OFList<DcmItem *> items;
    items.push_back(&root);
    while (!items.empty()) {
        DcmItem *item = items.front();
        items.pop_front();
        for (unsigned long i = item->card(); i-- > 0;) {
            DcmElement *element = item->getElement(i);
            if (is_encapsulated(element)) {
                delete item->remove(element);
                continue;
            }
            auto *sequence = dynamic_cast<DcmSequenceOfItems *>(element);
            for (unsigned long j = 0; sequence && element->ident() == EVR_SQ && j < sequence->card(); j++)
                items.push_back(sequence->getItem(j));
        }
    }
}

PacsStatus write_json(const char *path, PacsBuffer *out, PacsError *err)
{
    DcmFileFormat file;
    OFCondition condition = file.loadFile(path);
    if (condition.good())
        condition = file.loadAllDataIntoMemory();
    if (condition.bad())
        return fail(err, condition);
    DcmDataset *dataset = file.getDataset();
    drop_encapsulated_pixels(*dataset);
    /* As dcm2json: what names no character set stays as it is, and gets no name. */
    if (dataset->tagExists(DCM_SpecificCharacterSet))
        condition = dataset->convertToUTF8();
    if (condition.bad())
        return fail(err, condition);

    std::ostringstream text;
    DcmJsonFormatCompact format(OFFalse);
    condition = dataset->writeJsonExt(text, format, OFTrue, OFFalse);
    if (condition.bad())
        return fail(err, condition);
    const std::string json = text.str();
    (void)pacs_buffer_add(out, json.data(), json.size());
    return pacs_buffer_check(out, err);
}

} // namespace

PacsStatus pacs_bridge_dcmtk_json(const char *path, PacsBuffer *out, PacsError *err)
{
    return pacs_bridge_guard(err, [&] { return write_json(path, out, err); });
}
