// Sphinx's search fetches each page it finds, to show some lines of it. A page opened from a file
// may not fetch, so there the results are shown without those lines.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
