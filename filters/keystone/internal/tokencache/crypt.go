package tokencache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// Strategy says how values are protected in memcached.
type Strategy string

// The strategies of memcache_security_strategy.
const (
	None    Strategy = ""
	MAC     Strategy = "MAC"
	Encrypt Strategy = "ENCRYPT"
)

// Protection is a strategy with its key.
type Protection struct {
	Strategy Strategy
	Secret   []byte
}

var errTampered = errors.New("a value of the token cache is not authentic")

// macLen is the length of HMAC-SHA384 in base64.
const macLen = 64

// seal is what one token's value is named and protected with. The keys are the
// three parts of HMAC-SHA384(secret, token + strategy).
type seal struct {
	strategy     Strategy
	name         string
	mac, encrypt []byte
}

func (p Protection) seal(tok string) seal {
	if p.Strategy == None {
		sum := sha256.Sum256([]byte(tok))
		return seal{name: "tokens/" + hex.EncodeToString(sum[:])}
	}
	h := hmac.New(sha512.New384, p.Secret)
	h.Write([]byte(tok))
	h.Write([]byte(p.Strategy))
	keys := h.Sum(nil)
	// b'...' is how the original, on Python 3, writes the bytes of the key.
	name := "tokens/b'" + base64.StdEncoding.EncodeToString(keys[:16]) + "'"
	return seal{p.Strategy, name, keys[16:32], keys[32:48]}
}

func (s seal) close(value []byte) ([]byte, error) {
	if s.strategy == None {
		return value, nil
	}
	if s.strategy == Encrypt {
		var err error
		if value, err = encrypt(s.encrypt, value); err != nil {
			return nil, err
		}
	}
	text := base64.StdEncoding.EncodeToString(value)
	return append(s.sign([]byte(text)), text...), nil
}

func (s seal) sign(text []byte) []byte {
	h := hmac.New(sha512.New384, s.mac)
	h.Write(text)
	return base64.StdEncoding.AppendEncode(make([]byte, 0, macLen+len(text)), h.Sum(nil))
}

func (s seal) open(stored []byte) ([]byte, error) {
	if s.strategy == None {
		return stored, nil
	}
	if len(stored) < macLen || !hmac.Equal(stored[:macLen], s.sign(stored[macLen:])) {
		return nil, errTampered
	}
	value, err := base64.StdEncoding.AppendDecode(nil, stored[macLen:])
	if err != nil {
		return nil, errTampered
	}
	if s.strategy == Encrypt {
		return decrypt(s.encrypt, value)
	}
	return value, nil
}

// encrypt is AES-128-CBC with the padding of PKCS #7, after a random IV.
func encrypt(key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	out := make([]byte, aes.BlockSize, aes.BlockSize+len(plain)+pad)
	if _, err := rand.Read(out); err != nil {
		return nil, err
	}
	out = append(append(out, plain...), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return out, nil
}

func decrypt(key, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, errTampered
	}
	plain := bytes.Clone(sealed[aes.BlockSize:])
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errTampered
	}
	return plain[:len(plain)-pad], nil
}
