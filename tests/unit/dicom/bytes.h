#pragma once

/** Data sets written byte by byte, right or wrong, for the tests of the reader and what stands on it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/tag.h"
#include "pacs/dicom/uid.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/buffer.h"

#define UNDEFINED 0xFFFFFFFFu
#define SEQUENCE PACS_TAG(0x0008, 0x1140)
#define UID_CT "1.2.840.10008.5.1.4.1.1.2"

/** Bytes being put together; in which syntax. Start with bytes_init(). */
typedef struct Bytes {
    PacsBuffer buffer;
    bool implicit;
    bool big_endian;
} Bytes;

static inline void bytes_init(Bytes *bytes)
{
    *bytes = (Bytes){0};
    pacs_buffer_init(&bytes->buffer, 64u << 20);
}

static inline void bytes_clear(Bytes *bytes)
{
    pacs_buffer_clear(&bytes->buffer);
}

#define AUTO_BYTES __attribute__((cleanup(bytes_clear))) Bytes

static inline void add_raw(Bytes *bytes, const void *data, size_t size)
{
    assert_true(pacs_buffer_add(&bytes->buffer, data, size));
}

static inline void add_u16(Bytes *bytes, uint16_t value)
{
    uint8_t low = (uint8_t)value;
    uint8_t high = (uint8_t)(value >> 8);
    add_raw(bytes, (uint8_t[]){bytes->big_endian ? high : low, bytes->big_endian ? low : high}, 2);
}

static inline void add_u32(Bytes *bytes, uint32_t value)
{
    add_u16(bytes, (uint16_t)(bytes->big_endian ? value >> 16 : value));
    add_u16(bytes, (uint16_t)(bytes->big_endian ? value : value >> 16));
}

static inline void add_header(Bytes *bytes, PacsTag tag, const char *vr, uint32_t length)
{
    add_u16(bytes, pacs_tag_group(tag));
    add_u16(bytes, pacs_tag_element(tag));
    if (bytes->implicit) {
        add_u32(bytes, length);
        return;
    }
    add_raw(bytes, vr, 2);
    if (pacs_vr_info(pacs_vr_from_code(vr))->long_header) {
        add_raw(bytes, "\0\0", 2);
        add_u32(bytes, length);
    } else {
        add_u16(bytes, (uint16_t)length);
    }
}

static inline void add_element(Bytes *bytes, PacsTag tag, const char *vr, const void *value, size_t size)
{
    add_header(bytes, tag, vr, (uint32_t)size);
    add_raw(bytes, value, size);
}

/** With the padding of its VR. */
static inline void add_text(Bytes *bytes, PacsTag tag, const char *vr, const char *value)
{
    size_t size = strlen(value);
    add_header(bytes, tag, vr, (uint32_t)(size + size % 2));
    add_raw(bytes, value, size);
    if (size % 2)
        add_raw(bytes, strcmp(vr, "UI") == 0 ? "\0" : " ", 1);
}

static inline void add_number(Bytes *bytes, PacsTag tag, uint16_t value)
{
    add_header(bytes, tag, "US", 2);
    add_u16(bytes, value);
}

/** (FFFE,E000) with 0xE000, its end with 0xE00D, a sequence's end with 0xE0DD. */
static inline void add_marker(Bytes *bytes, uint16_t element, uint32_t length)
{
    add_u16(bytes, 0xFFFE);
    add_u16(bytes, element);
    add_u32(bytes, length);
}

static inline void add_fragment(Bytes *bytes, const void *value, size_t size)
{
    add_marker(bytes, 0xE000, (uint32_t)size);
    add_raw(bytes, value, size);
}

/** Preamble, prefix and a meta header that declares the syntax. */
static inline void add_meta(Bytes *bytes, const char *transfer_syntax_uid)
{
    static const uint8_t preamble[128];
    bool implicit = bytes->implicit;
    bool big_endian = bytes->big_endian;
    bytes->implicit = bytes->big_endian = false;
    add_raw(bytes, preamble, sizeof preamble);
    add_raw(bytes, "DICM", 4);
    add_text(bytes, PACS_TAG_MEDIA_STORAGE_SOP_CLASS_UID, "UI", UID_CT);
    add_text(bytes, PACS_TAG_TRANSFER_SYNTAX_UID, "UI", transfer_syntax_uid);
    bytes->implicit = implicit;
    bytes->big_endian = big_endian;
}

/** The UIDs an instance needs: SOP class, 1.2.3.3, study 1.2.3.1, series 1.2.3.2 in the order of
 * their tags. */
static inline void add_identity(Bytes *bytes)
{
    add_text(bytes, PACS_TAG_SOP_CLASS_UID, "UI", UID_CT);
    add_text(bytes, PACS_TAG_SOP_INSTANCE_UID, "UI", "1.2.3.3");
    add_text(bytes, PACS_TAG_STUDY_INSTANCE_UID, "UI", "1.2.3.1");
    add_text(bytes, PACS_TAG_SERIES_INSTANCE_UID, "UI", "1.2.3.2");
}
