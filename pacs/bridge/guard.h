#pragma once

#include <exception>
#include <new>

#include "pacs/util/status.h"

/** The one helper around every body of the bridge: nothing thrown leaves it. C++ only; private to the room. */
template <typename Body> PacsStatus pacs_bridge_guard(PacsError *err, Body body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return pacs_fail(err, PACS_NO_MEMORY, "no memory in DCMTK");
    } catch (const std::exception &exception) {
        return pacs_fail(err, PACS_INTERNAL, "DCMTK: %s", exception.what());
    } catch (...) {
        return pacs_fail(err, PACS_INTERNAL, "DCMTK threw something");
    }
}
