// Package refused names Swift's filters that cannot stand before an app of
// another process, with the reason and what to do instead.
package refused

import "github.com/wheatpaste/wheatpaste/paste"

func init() {
	const keep = "; keep it in the pipeline of the Swift proxy, and let wheatpaste proxy to that"
	for name, reason := range map[string]string{
		"account_quotas":   "it counts the bytes that Swift's own app stores" + keep,
		"container_quotas": "it counts the bytes that Swift's own app stores" + keep,
		"bulk":             "it unpacks archives into many requests of Swift's own app" + keep,
		"slo":              "it joins segments with Swift's own app" + keep,
		"dlo":              "it joins segments with Swift's own app" + keep,
		"copy":             "it reads and writes objects with Swift's own app" + keep,
		"symlink":          "it follows links with Swift's own app" + keep,
		"versioned_writes": "it keeps old versions with Swift's own app" + keep,
		"staticweb":        "it makes pages of listings of Swift's own app" + keep + ", or serve files by egg:wheatpaste#static",
		"formpost":         "it turns a form into many requests of Swift's own app" + keep,
		"container_sync":   "it checks what container-sync daemons of other Swift clusters send" + keep,
		"list_endpoints":   "it needs the rings of the storage nodes" + keep,
		"recon":            "it reports on the disks of a Swift storage node; scrape egg:wheatpaste#metrics for wheatpaste itself",
		"s3api":            "it translates the S3 dialect for Swift's own app" + keep,
		"s3token":          "it works for s3api alone" + keep,
		"listing_formats":  "the Swift proxy puts it into its own pipeline when it is missing" + keep,
	} {
		refuse(reason, name, name)
	}
	const crypt = "it encrypts objects within Swift's own app" + keep
	refuse(crypt, "encryption", "crypto")
	refuse(crypt, "keymaster", "crypto.keymaster")
	refuse(crypt, "kms_keymaster", "crypto.kms_keymaster")
	refuse(crypt, "kmip_keymaster", "crypto.kmip_keymaster")
	refuse("it limits requests to the disks of a Swift storage node; use egg:swift#ratelimit in front of a proxy", "backend_ratelimit", "backend_ratelimit")
}

func refuse(reason, name, module string) {
	if name == "s3api" || name == "s3token" {
		module = "s3api." + name
	}
	paste.Refuse(paste.KindFilter, reason, "egg:swift#"+name, paste.Alias("swift.common.middleware."+module+":filter_factory"))
}
