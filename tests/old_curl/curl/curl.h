// The installed libcurl as a program sees it that is built on Ubuntu 22.04, which has 7.81.
#pragma GCC system_header
#include_next <curl/curl.h>
#undef LIBCURL_VERSION
#define LIBCURL_VERSION "7.81.0"
#undef LIBCURL_VERSION_NUM
#define LIBCURL_VERSION_NUM 0x075100
#pragma GCC poison CURLOPT_PROTOCOLS_STR
