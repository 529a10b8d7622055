package devuserpool

import (
	"cmp"
	"errors"
	"maps"
	"slices"
)

const mfaOff = "OFF"

// Defaults of a new pool (API reference; DescribeUserPool of pools at AWS).
const (
	defaultLength = 8
	defaultDays   = 7 // that a temporary password works
)

// settingsOf returns the settings of a new pool, with the defaults filled in, or refuses what is not
// simulated.
func settingsOf(in *CreateUserPoolRequest) (UserPoolType, error) {
	// The members that a pool can change later are the same.
	settings, err := updatedSettings(&UpdateUserPoolRequest{
		Policies:                    in.Policies,
		DeletionProtection:          in.DeletionProtection,
		LambdaConfig:                in.LambdaConfig,
		AutoVerifiedAttributes:      in.AutoVerifiedAttributes,
		SmsVerificationMessage:      in.SmsVerificationMessage,
		EmailVerificationMessage:    in.EmailVerificationMessage,
		EmailVerificationSubject:    in.EmailVerificationSubject,
		VerificationMessageTemplate: in.VerificationMessageTemplate,
		SmsAuthenticationMessage:    in.SmsAuthenticationMessage,
		UserAttributeUpdateSettings: in.UserAttributeUpdateSettings,
		MfaConfiguration:            in.MfaConfiguration,
		DeviceConfiguration:         in.DeviceConfiguration,
		EmailConfiguration:          in.EmailConfiguration,
		SmsConfiguration:            in.SmsConfiguration,
		AdminCreateUserConfig:       in.AdminCreateUserConfig,
		UserPoolAddOns:              in.UserPoolAddOns,
		DcrConfiguration:            in.DcrConfiguration,
		AccountRecoverySetting:      in.AccountRecoverySetting,
		UserPoolTier:                in.UserPoolTier,
		KeyConfiguration:            in.KeyConfiguration,
		IssuerConfiguration:         in.IssuerConfiguration,
		AcrConfiguration:            in.AcrConfiguration,
		UserPoolTags:                in.UserPoolTags,
	})
	if err != nil {
		return UserPoolType{}, err
	}

	if len(in.AliasAttributes) > 0 && len(in.UsernameAttributes) > 0 {
		return UserPoolType{}, usernameFault(
			"Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
	}
	settings.Name = in.PoolName
	settings.AliasAttributes = orNil(in.AliasAttributes)
	settings.UsernameAttributes = orNil(in.UsernameAttributes)
	settings.UsernameConfiguration = in.UsernameConfiguration
	settings.UserPoolTags = maps.Clone(in.UserPoolTags)
	settings.SchemaAttributes, err = schema(in.Schema)

	return settings, err
}

// updatedSettings returns the settings that a pool can change, with the defaults filled in, or refuses what
// is not simulated. Settings about messages are kept and shown, because a code goes to the terminal.
func updatedSettings(in *UpdateUserPoolRequest) (UserPoolType, error) {
	if err := refuseSettings(in); err != nil {
		return UserPoolType{}, err
	}
	if len(in.UserPoolTags) > maxTags {
		return UserPoolType{}, tooMany("tags of a user pool", maxTags)
	}

	return UserPoolType{
		Policies: &UserPoolPolicyType{
			PasswordPolicy: policyOf(in.Policies),
			SignInPolicy:   &SignInPolicyType{AllowedFirstAuthFactors: []string{"PASSWORD"}},
		},
		DeletionProtection:          cmp.Or(in.DeletionProtection, new("INACTIVE")),
		LambdaConfig:                &LambdaConfigType{},
		AutoVerifiedAttributes:      orNil(in.AutoVerifiedAttributes),
		SmsVerificationMessage:      in.SmsVerificationMessage,
		EmailVerificationMessage:    in.EmailVerificationMessage,
		EmailVerificationSubject:    in.EmailVerificationSubject,
		VerificationMessageTemplate: verificationTemplate(in.VerificationMessageTemplate),
		SmsAuthenticationMessage:    in.SmsAuthenticationMessage,
		UserAttributeUpdateSettings: cmp.Or(in.UserAttributeUpdateSettings, &UserAttributeUpdateSettingsType{
			AttributesRequireVerificationBeforeUpdate: []string{},
		}),
		MfaConfiguration: new(mfaOff),
		EmailConfiguration: cmp.Or(in.EmailConfiguration, &EmailConfigurationType{
			EmailSendingAccount: new("COGNITO_DEFAULT"),
		}),
		SmsConfiguration:      in.SmsConfiguration,
		UserPoolAddOns:        in.UserPoolAddOns,
		AdminCreateUserConfig: adminCreateUser(in),
		AccountRecoverySetting: cmp.Or(in.AccountRecoverySetting, &AccountRecoverySettingType{
			RecoveryMechanisms: []RecoveryOptionType{
				{Priority: new(1), Name: new("verified_email")},
				{Priority: new(2), Name: new("verified_phone_number")},
			},
		}),
		UserPoolTier: cmp.Or(in.UserPoolTier, new("ESSENTIALS")),
	}, nil
}

// errSettings means that settings lack what every pool has: see updatedSettings and schema.
var errSettings = errors.New("a setting that every pool has is missing")

// check reports settings that are missing from a file. Others rely on those that updatedSettings and schema
// fill in.
func (s *UserPoolType) check() error {
	if s.Name == nil || s.DeletionProtection == nil || s.Policies == nil || s.Policies.PasswordPolicy == nil {
		return errSettings
	}
	policy := s.Policies.PasswordPolicy
	if policy.MinimumLength == nil || policy.TemporaryPasswordValidityDays == nil {
		return errSettings
	}

	for _, a := range s.SchemaAttributes {
		if a.Name == nil || a.AttributeDataType == nil || a.Mutable == nil || a.Required == nil {
			return errSettings
		}
	}

	return nil
}

// keepFixed takes over from before the settings that UpdateUserPool does not change.
func (s *UserPoolType) keepFixed(before UserPoolType) {
	s.Name = before.Name
	s.AliasAttributes = before.AliasAttributes
	s.UsernameAttributes = before.UsernameAttributes
	s.UsernameConfiguration = before.UsernameConfiguration
	s.UserPoolTags = before.UserPoolTags
	s.SchemaAttributes = before.SchemaAttributes
}

// policyOf fills in the defaults of a password policy.
func policyOf(given *UserPoolPolicyType) *PasswordPolicyType {
	policy := PasswordPolicyType{
		RequireUppercase: new(true),
		RequireLowercase: new(true),
		RequireNumbers:   new(true),
		RequireSymbols:   new(true),
	}
	if given != nil && given.PasswordPolicy != nil {
		g := given.PasswordPolicy
		policy = PasswordPolicyType{
			MinimumLength:                 g.MinimumLength,
			RequireUppercase:              new(isTrue(g.RequireUppercase)),
			RequireLowercase:              new(isTrue(g.RequireLowercase)),
			RequireNumbers:                new(isTrue(g.RequireNumbers)),
			RequireSymbols:                new(isTrue(g.RequireSymbols)),
			TemporaryPasswordValidityDays: g.TemporaryPasswordValidityDays,
		}
	}

	policy.MinimumLength = cmp.Or(policy.MinimumLength, new(defaultLength))
	if n := policy.TemporaryPasswordValidityDays; n == nil || *n == 0 {
		policy.TemporaryPasswordValidityDays = new(defaultDays)
	}

	return &policy
}

func verificationTemplate(given *VerificationMessageTemplateType) *VerificationMessageTemplateType {
	template := VerificationMessageTemplateType{}
	if given != nil {
		template = *given
	}
	template.DefaultEmailOption = cmp.Or(template.DefaultEmailOption, new("CONFIRM_WITH_CODE"))

	return &template
}

// adminCreateUser fills in the defaults of AdminCreateUserConfig.
func adminCreateUser(in *UpdateUserPoolRequest) *AdminCreateUserConfigType {
	config := AdminCreateUserConfigType{}
	if in.AdminCreateUserConfig != nil {
		config = *in.AdminCreateUserConfig
	}
	config.AllowAdminCreateUserOnly = new(isTrue(config.AllowAdminCreateUserOnly))

	// The number has moved to the password policy, and shows the same there.
	config.UnusedAccountValidityDays = policyOf(in.Policies).TemporaryPasswordValidityDays

	return &config
}

// refuseSettings refuses the settings of a pool that are not simulated. Values that mean the same as none
// pass. Every DeviceConfiguration turns device tracking on (API reference), also that without a true member,
// which Terraform sends empty.
func refuseSettings(in *UpdateUserPoolRequest) error {
	protection := cmp.Or(in.UserPoolAddOns, &UserPoolAddOnsType{})
	keys := cmp.Or(in.KeyConfiguration, &KeyConfigurationType{})
	issuer := cmp.Or(in.IssuerConfiguration, &IssuerConfigurationType{})
	template := cmp.Or(in.VerificationMessageTemplate, &VerificationMessageTemplateType{})
	policies := cmp.Or(in.Policies, &UserPoolPolicyType{})
	passwords := cmp.Or(policies.PasswordPolicy, &PasswordPolicyType{})
	factors := cmp.Or(policies.SignInPolicy, &SignInPolicyType{}).AllowedFirstAuthFactors

	return refuseParts(
		part{"multi-factor authentication (MfaConfiguration)", asksForMFA(in.MfaConfiguration)},
		part{"Lambda triggers (LambdaConfig)", isGiven(in.LambdaConfig)},
		part{"device tracking (DeviceConfiguration)", in.DeviceConfiguration != nil},
		part{
			"threat protection (UserPoolAddOns)",
			protection.AdvancedSecurityMode != nil && *protection.AdvancedSecurityMode != "OFF" ||
				isGiven(protection.AdvancedSecurityAdditionalFlows),
		},
		part{
			"dynamic registration of clients (DcrConfiguration)",
			isGiven(in.DcrConfiguration) && !isValue(in.DcrConfiguration.EnableStatus, "DISABLED"),
		},
		part{
			"keys of your own (KeyConfiguration)",
			keys.KmsKeyArn != nil || isValue(keys.KeyType, "CUSTOMER_MANAGED_KEY"),
		},
		part{"issuers of another form (IssuerConfiguration)", isValue(issuer.Type, "UPDATED")},
		part{"authentication context classes (AcrConfiguration)", len(in.AcrConfiguration) > 0},
		part{
			"confirmation by link (VerificationMessageTemplate)",
			isValue(template.DefaultEmailOption, "CONFIRM_WITH_LINK"),
		},
		part{
			"the history of passwords (PasswordHistorySize)",
			passwords.PasswordHistorySize != nil && *passwords.PasswordHistorySize > 0,
		},
		part{
			"sign-in without a password (AllowedFirstAuthFactors)",
			slices.ContainsFunc(factors, func(f string) bool { return f != "PASSWORD" }),
		},
	)
}

// asksForMFA reports whether a MfaConfiguration is another than OFF.
func asksForMFA(configuration *string) bool { return configuration != nil && *configuration != mfaOff }
