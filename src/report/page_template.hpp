#pragma once

namespace tilecompile {

/// Parts of the page, from page.html, page.css, plots.js, pixel.js, live.js and page.js in src/report.
const char* page_html();
const char* page_css();
const char* page_plots();
const char* page_pixel();
const char* page_live();
const char* page_script();

}  // namespace tilecompile
