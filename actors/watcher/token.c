/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <string.h>

#include "json.h"
#include "seal.h"

#define LIFE_MAX_S (INT64_C(10) * 366 * 86400)

int64_t token_life_ms(const char *token, int64_t now_wall_us)
{
    const char *claims = strchr(token, '.');
    if (!claims)
        return TOKEN_LIFE_UNKNOWN_MS;
    claims++;
    size_t len;
    unsigned char *text = dr_base64url_decode(claims, strcspn(claims, "."), &len);
    json_t *root = text ? dr_json_parse((char *)text, len, NULL) : NULL;
    int64_t now_s = now_wall_us / 1000000;
    double exp = dr_json_num(root, "exp", 0, NULL);
    double iat = dr_json_num(root, "iat", (double)now_s, NULL);
    json_decref(root);
    dr_wipe_free(text, len);
    if (!(exp > 0))
        return TOKEN_LIFE_UNKNOWN_MS;
    double life_s = exp - iat;
    if (!(life_s >= 1))
        return 1000;
    return life_s > (double)LIFE_MAX_S ? LIFE_MAX_S * 1000 : (int64_t)(life_s * 1000);
}
