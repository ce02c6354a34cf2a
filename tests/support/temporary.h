#pragma once

/** A folder for one test, below $TMPDIR or /tmp. Heap text, the caller's; NULL if it cannot be made. */
char *temporary_folder_new(void);
/** Remove it with everything in it and free the text; NULL is fine. */
void temporary_folder_free(char *folder);
