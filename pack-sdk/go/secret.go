// Secrets that the operator has granted.

package petrel

// Secret is a secret of the pack, which the host sends and a component does not see.
type Secret struct {
	name   string
	handle uint32
}

// GetSecret gives the secret that pack.yaml asks for by this name.
func GetSecret(name string) (*Secret, error) {
	handle, err := secretGet(name)
	if err != nil {
		return nil, err
	}
	return &Secret{name, handle}, nil
}

// Name is its name.
func (s *Secret) Name() string { return s.name }

// Placeholder is a text that stands for the secret in this call. The host puts the secret in its place in requests, where
// pack.yaml says so.
func (s *Secret) Placeholder() string { return secretPlaceholder(s) }

// Reveal gives its text. That is another right, and the host's audit log has a line on it.
func (s *Secret) Reveal() (string, error) { return secretReveal(s) }
