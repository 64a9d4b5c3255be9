"""The AWS managed policies that bring a risk, by name.

Derived with `breakglass.iam.lint.statement_risks` from AWS's policy documents of September 2026, as moto ships them. A
test compares every name with the documents, so a newer moto shows the changes to make here. Policies of service-linked
roles are left out, since no other identity can have them. A policy with administrator access is listed as such only.

Non-goals: AWS managed policies newer than the documents, which count as harmless.
"""

from collections.abc import Mapping

from breakglass.vocabulary import RiskAcknowledgement

MANAGED_POLICIES: Mapping[RiskAcknowledgement, frozenset[str]] = {
    RiskAcknowledgement.administrator_access: frozenset(
        """
        AIDevOpsAgentActionsPolicy AWSMcpServiceActionsFullAccess AdministratorAccess PowerUserAccess
        """.split()
    ),
    RiskAcknowledgement.iam: frozenset(
        """
        AWSApplicationMigrationNetworkMigrationMultiAccount AWSCodeCommitFullAccess AWSCodeCommitPowerUser
        AWSCodeStarServiceRole AWSManagedAccountManagementAccess AWSManagedSettingsAdminAccess
        AWSQuickSetupDeploymentRolePolicy AWSQuickSetupDistributorPermissionsBoundary
        AWSQuickSetupEnableDHMCExecutionPolicy AWSQuickSetupJITNADeploymentRolePolicy
        AWSQuickSetupManageJITNAResourcesExecutionPolicy AWSQuickSetupManagedInstanceProfileExecutionPolicy
        AWSQuickSetupPatchPolicyDeploymentRolePolicy AWSQuickSetupPatchPolicyPermissionsBoundary
        AWSQuickSetupSSMDeploymentRolePolicy AWSQuickSetupSSMHostMgmtPermissionsBoundary
        AWSQuickSetupSSMManageResourcesExecutionPolicy AWSRolesAnywhereFullAccess
        AWSTransformNetworkMigrationAgentPolicy AccountManagementFromVercel
        AdministratorAccess-AWSElasticBeanstalk AdministratorAccess-Amplify AmazonCloudWatchRUMFullAccess
        AmazonCognitoPowerUser AmazonDataZoneRedshiftGlueProvisioningPolicy
        AmazonDataZoneSageMakerProvisioningRolePolicy AmazonEKSComputePolicy AmazonESCognitoAccess
        AmazonLaunchWizardFullAccessV2 AmazonOpenSearchServiceCognitoAccess AmazonSecurityLakeAdministrator
        AnthropicFullAccess IAMFullAccess IAMSelfManageServiceSpecificCredentials IAMUserSSHKeys
        ROSAInstallerPolicy ROSAKarpenterControllerPolicy SageMakerStudioAdminIAMDefaultExecutionPolicy
        SageMakerStudioAdminIAMPermissiveExecutionPolicy SageMakerStudioProjectProvisioningRolePolicy
        SystemAdministrator WellArchitectedConsoleFullAccess
        """.split()
    ),
    RiskAcknowledgement.sso: frozenset(
        """
        AIOpsConsoleAdminPolicy AWSControlTowerIdentityCenterManagementPolicy
        AWSGrafanaWorkspacePermissionManagement AWSIdentityCenterExternalManagementPolicy
        AWSManagedAccountUserEntitlementAccess AWSManagedSettingsAdminAccess AWSSSODirectoryAdministrator
        AWSSSOMasterAccountAdministrator AWSSSOMemberAccountAdministrator AWSSupplyChainFederationAdminAccess
        AmazonBioDiscoveryFullAccess AmazonBioDiscoveryInAppFullAccess
        AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary
        AmazonSageMakerHyperPodObservabilityAdminAccess MultiPartyApprovalFullAccess
        SageMakerStudioAdminIAMConsolePolicy SageMakerStudioAdminIAMDefaultExecutionPolicy
        SageMakerStudioAdminIAMPermissiveExecutionPolicy SageMakerStudioProjectProvisioningRolePolicy
        """.split()
    ),
    RiskAcknowledgement.organizations: frozenset(
        """
        AWSArtifactAgreementsFullAccess AWSAuditManagerAdministratorAccess AWSBackupOrganizationAdminAccess
        AWSCloudFormationFullAccess AWSCodeStarServiceRole AWSControlTowerServiceRolePolicy
        AWSDeepRacerCloudFormationAccessPolicy AWSDirectoryServiceFullAccess
        AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy AWSElasticBeanstalkService AWSFMAdminFullAccess
        AWSHealthFullAccess AWSManagedBudgetsSpendLimitManagementAccess AWSManagedControlPolicyManagementAccess
        AWSManagedServiceAccessManagementAccess AWSManagedSettingsAdminAccess AWSOrganizationsFullAccess
        AWSPrivateMarketplaceAdminFullAccess AWSResourceAccessManagerFullAccess
        AWSResourceExplorerOrganizationsAccess AWSSSOMasterAccountAdministrator AWSSSOMemberAccountAdministrator
        AWSSecurityHubOrganizationsAccess AWSServiceCatalogAdminFullAccess AWSServiceCatalogEndUserFullAccess
        AWSTransformLandingZoneAgentPolicy AWSTrustedAdvisorPriorityFullAccess AdministratorAccess-Amplify
        AmazonDetectiveOrganizationsAccess AmazonDevOpsGuruOrganizationsAccess AmazonGuardDutyFullAccess_v2
        AmazonInspector2FullAccess AmazonInspector2FullAccess_v2 CostOptimizationHubAdminAccess
        MultiPartyApprovalFullAccess ResourceGroupsTaggingAPITagUntagSupportedResources
        SageMakerStudioAdminIAMDefaultExecutionPolicy SageMakerStudioAdminIAMPermissiveExecutionPolicy
        SageMakerStudioUserIAMDefaultExecutionPolicy SageMakerStudioUserIAMPermissiveExecutionPolicy
        ServiceQuotasFullAccess WellArchitectedConsoleFullAccess
        """.split()
    ),
    RiskAcknowledgement.stop_cloudtrail: frozenset(
        """
        AWSCloudTrail_FullAccess AWSCodePipeline_FullAccess AWSControlTowerServiceRolePolicy
        ResourceGroupsTaggingAPITagUntagSupportedResources SystemAdministrator
        """.split()
    ),
    RiskAcknowledgement.alert_path: frozenset(
        """
        AWSApplicationMigrationFSxProxyPolicy AWSAuditManagerAdministratorAccess AWSCodeBuildAdminAccess
        AWSCodeCommitFullAccess AWSCodeCommitPowerUser AWSCodeDeployRole AWSCodeStarServiceRole
        AWSDataPipeline_FullAccess AWSEC2SqlHaInstancePolicy AWSElasticBeanstalkRoleSNS
        AWSElasticBeanstalkService AWSElasticBeanstalkWorkerTier AWSIoTRuleActions
        AWSLambdaSQSQueueExecutionRole AWSQuickSetupDeploymentRolePolicy AWSSecretsManagerClientReadOnlyAccess
        AWSStepFunctionsConsoleFullAccess AWSStepFunctionsFullAccess
        AWSSupplyChainFederationAdminAccess AWSTransformSecretsManagerConnectorPolicy
        AdministratorAccess-Amplify AgentRegistryFullAccess AmazonAppFlowFullAccess AmazonAppStreamFullAccess
        AmazonAthenaFullAccess AmazonCodeGuruReviewerFullAccess AmazonDataZoneRedshiftGlueProvisioningPolicy
        AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary AmazonDocDBElasticFullAccess
        AmazonDynamoDBFullAccess AmazonDynamoDBFullAccesswithDataPipeline AmazonEC2ContainerServiceAutoscaleRole
        AmazonEC2FullAccess AmazonEC2RoleforDataPipelineRole AmazonEC2SpotFleetAutoscaleRole
        AmazonECSInfrastructureRoleforExpressGatewayServices AmazonECS_FullAccess AmazonEMRServicePolicy_v2
        AmazonElasticMapReduceFullAccess AmazonElasticMapReduceRole AmazonElasticMapReduceforEC2Role
        AmazonEventBridgeFullAccess AmazonEventBridgeSchemasFullAccess AmazonGrafanaRedshiftAccess
        AmazonKeyspacesFullAccess AmazonMCSFullAccess AmazonRDSFullAccess AmazonRedshiftAllCommandsFullAccess
        AmazonRedshiftDataFullAccess AmazonRedshiftFullAccess AmazonRedshiftQueryEditor AmazonSNSFullAccess
        AmazonSQSFullAccess AmazonSageMakerCanvasDataPrepFullAccess AmazonSageMakerCanvasFullAccess
        AmazonSageMakerFullAccess AmazonSageMakerGroundTruthExecution
        AmazonSageMakerPartnerServiceCatalogProductsLambdaServiceRolePolicy
        AmazonSecurityLakePermissionsBoundary AutoScalingConsoleFullAccess AutoScalingFullAccess
        CloudWatchEventsFullAccess CloudWatchFullAccess CloudWatchFullAccessV2 ConsoleFullAccessFromVercel
        DBModProvisioningAndMigration DBModVirtualSource DataScientist DatabaseAdministrator
        FinOpsAgentAgentPolicy NetworkAdministrator ROSAInstallerPolicy ROSANodePoolManagementPolicy
        SageMakerStudioAdminIAMDefaultExecutionPolicy SageMakerStudioAdminIAMPermissiveExecutionPolicy
        SageMakerStudioProjectProvisioningRolePolicy SageMakerStudioProjectUserRolePermissionsBoundary
        SageMakerStudioProjectUserRolePolicy SageMakerStudioUserIAMDefaultExecutionPolicy
        SageMakerStudioUserIAMPermissiveExecutionPolicy SecretsManagerReadWrite ServiceQuotasFullAccess
        SystemAdministrator
        """.split()
    ),
    RiskAcknowledgement.approvals: frozenset(
        """
        AWSBackupServiceRolePolicyForRestores AWSCodeDeployRoleForECS AWSCodeDeployRoleForLambda
        AWSCodeDeployRoleForLambdaLimited AWSDeepRacerCloudFormationAccessPolicy AWSDeepRacerServiceRolePolicy
        AWSElasticBeanstalkWorkerTier AWSIoTRuleActions AWSLambdaInvocation-DynamoDB AWSLambdaRole
        AWSLambda_FullAccess AWSStepFunctionsConsoleFullAccess AWSStepFunctionsFullAccess
        AdministratorAccess-Amplify AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary
        AmazonDynamoDBFullAccess AmazonDynamoDBFullAccess_v2 AmazonDynamoDBFullAccesswithDataPipeline
        AmazonEC2RoleforDataPipelineRole AmazonElasticMapReduceforEC2Role AmazonRedshiftAllCommandsFullAccess
        AmazonSageMakerFullAccess AmazonSageMakerGroundTruthExecution AmazonSageMakerJobFullAccess
        AmazonSageMakerModelCustomizationCoreAccess AmazonSageMakerPipelinesIntegrations
        BedrockAgentCoreFullAccess ConsoleFullAccessFromVercel DataScientist DatabaseAdministrator
        SageMakerStudioProjectUserRolePermissionsBoundary SageMakerStudioQueryExecutionRolePolicy
        SystemAdministrator
        """.split()
    ),
    RiskAcknowledgement.root: frozenset(
        """

        """.split()
    ),
    RiskAcknowledgement.access: frozenset(
        """
        AWSManagedAccountUserEntitlementAccess AWSManagedSettingsAdminAccess
        """.split()
    ),
    RiskAcknowledgement.account: frozenset(
        """
        AWSAccountManagementFullAccess AWSAccountSettingsManagementRole AWSControlTowerServiceRolePolicy
        AWSManagedSettingsAdminAccess AWSOrganizationsFullAccess AccountManagementFromVercel
        """.split()
    ),
    RiskAcknowledgement.code: frozenset(
        """
        AIOpsConsoleAdminPolicy AWS-SSM-DiagnosisAutomation-AdministrationRolePolicy
        AWS-SSM-DiagnosisAutomation-ExecutionRolePolicy AWS-SSM-RemediationAutomation-AdministrationRolePolicy
        AWS-SSM-RemediationAutomation-ExecutionRolePolicy AWSAppMeshFullAccess AWSApplicationMigrationEC2Access
        AWSApplicationMigrationFullAccess AWSApplicationMigrationNetworkMigrationMultiAccount
        AWSApplicationMigrationSSMAccess AWSBackupFullAccess AWSBackupOperatorAccess
        AWSBackupServiceRolePolicyForBackup AWSBackupServiceRolePolicyForRestores AWSBatchFullAccess
        AWSBatchServiceEventTargetRole AWSBudgetsActions_RolePolicyForResourceAdministrationWithSSM
        AWSCloud9Administrator AWSCloud9EnvironmentMember AWSCloud9User AWSCloudFormationFullAccess
        AWSCodeBuildAdminAccess AWSCodeBuildDeveloperAccess AWSCodePipeline_FullAccess AWSCodeStarServiceRole
        AWSConnector AWSControlTowerServiceRolePolicy AWSDataLifecycleManagerSSMFullAccess
        AWSDeepLensServiceRolePolicy AWSDeepRacerCloudFormationAccessPolicy AWSDeepRacerServiceRolePolicy
        AWSEC2VssRestorePolicy AWSElasticBeanstalkCustomPlatformforEC2Role
        AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy AWSElasticBeanstalkRoleCore
        AWSElasticBeanstalkService AWSElasticDisasterRecoveryConsoleFullAccess
        AWSElasticDisasterRecoveryConsoleFullAccess_v2 AWSElasticDisasterRecoveryLaunchActionsPolicy
        AWSFaultInjectionSimulatorEC2Access AWSFaultInjectionSimulatorECSAccess
        AWSFaultInjectionSimulatorSSMAccess AWSForWordPressPluginPolicy AWSGlueConsoleFullAccess
        AWSGlueConsoleSageMakerNotebookFullAccess AWSGlueServiceNotebookRole AWSGlueServiceRole
        AWSImageBuilderFullAccess AWSLambda_FullAccess AWSMigrationHubRefactorSpaces-SSMAutomationPolicy
        AWSQuickSetupCFGCPacksPermissionsBoundary AWSQuickSetupDeploymentRolePolicy
        AWSQuickSetupDevOpsGuruPermissionsBoundary AWSQuickSetupDistributorPermissionsBoundary
        AWSQuickSetupEnableDHMCExecutionPolicy AWSQuickSetupJITNADeploymentRolePolicy
        AWSQuickSetupManageJITNAResourcesExecutionPolicy AWSQuickSetupManagedInstanceProfileExecutionPolicy
        AWSQuickSetupPatchPolicyDeploymentRolePolicy AWSQuickSetupPatchPolicyLambdaExecutionPolicy
        AWSQuickSetupPatchPolicyPermissionsBoundary AWSQuickSetupSSMDeploymentRolePolicy
        AWSQuickSetupSSMHostMgmtPermissionsBoundary AWSQuickSetupSSMLifecycleManagementExecutionPolicy
        AWSQuickSetupSchedulerPermissionsBoundary AWSQuickSetupStartSSMAssociationsExecutionPolicy
        AWSQuickSetupStartStopInstancesExecutionPolicy AWSRefactoringToolkitFullAccess
        AWSResilienceHubResilienceTestingPolicy AWSRoboMakerServiceRolePolicy AWSServiceCatalogAdminFullAccess
        AWSServiceCatalogAppRegistryFullAccess AWSServiceCatalogEndUserFullAccess
        AWSSystemsManagerEnableExplorerExecutionPolicy AWSSystemsManagerJustInTimeAccessTokenPolicy
        AWSSystemsManagerJustInTimeAccessTokenSessionPolicy
        AWSSystemsManagerJustInTimeNodeAccessRolePropagationPolicy AWSThinkboxAWSPortalAdminPolicy
        AWSThinkboxDeadlineResourceTrackerAdminPolicy AWSTransformApplicationDeploymentPolicy
        AWSTransformApplicationECSDeploymentPolicy AWSTransformInfrastructureExecutorAccessEC2
        AWSTransformLandingZoneAgentPolicy AWSTransformNetworkMigrationAgentPolicy
        AWSTransformServerMigrationAgentPolicy AdministratorAccess-AWSElasticBeanstalk
        AdministratorAccess-Amplify AmazonBraketFullAccess AmazonDataZoneEnvironmentRolePermissionsBoundary
        AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary AmazonDynamoDBFullAccess
        AmazonDynamoDBFullAccesswithDataPipeline AmazonEC2FullAccess AmazonEC2RolePolicyForLaunchWizard
        AmazonECS_FullAccess AmazonEKSClusterPolicy AmazonEMRServicePolicy_v2 AmazonElasticMapReduceFullAccess
        AmazonElasticMapReduceRole AmazonLaunchWizardFullAccessV2 AmazonLexFullAccess AmazonSSMAutomationRole
        AmazonSSMFullAccess AmazonSSMMaintenanceWindowRole
        AmazonSageMakerAdmin-ServiceCatalogProductsServiceRolePolicy AmazonSageMakerFullAccess
        AmazonSageMakerHyperPodInferenceAccess AmazonSageMakerModelCustomizationCoreAccess
        AmazonSageMakerPartnerServiceCatalogProductsCloudFormationServiceRolePolicy
        AmazonSageMakerPipelinesIntegrations
        AmazonSageMakerServiceCatalogProductsCloudformationServiceRolePolicy
        AmazonSageMakerServiceCatalogProductsCodeBuildServiceRolePolicy
        AmazonSageMakerServiceCatalogProductsCodePipelineServiceRolePolicy
        AmazonSageMakerServiceCatalogProductsEventsServiceRolePolicy
        AmazonSageMakerServiceCatalogProductsLambdaServiceRolePolicy AmazonSageMakerSpacesControllerPolicy
        AmazonSecurityLakeAdministrator AmplifyBackendDeployFullAccess
        AwsGlueSessionUserRestrictedNotebookServiceRole AwsGlueSessionUserRestrictedServiceRole
        CloudWatchSyntheticsFullAccess DataScientist DatabaseAdministrator EC2FastLaunchFullAccess
        EC2ImageBuilderExecutionPolicy EC2InstanceConnect SageMakerStudioAdminIAMDefaultExecutionPolicy
        SageMakerStudioAdminIAMPermissiveExecutionPolicy SageMakerStudioProjectProvisioningRolePolicy
        SageMakerStudioProjectRoleMachineLearningPolicy SageMakerStudioProjectUserRolePermissionsBoundary
        SageMakerStudioProjectUserRolePolicy SageMakerStudioUserIAMDefaultExecutionPolicy
        SageMakerStudioUserIAMPermissiveExecutionPolicy SecretsManagerReadWrite ServerMigrationServiceLaunchRole
        SystemAdministrator
        """.split()
    ),
    RiskAcknowledgement.stop_detection: frozenset(
        """
        AWSConfigRulesExecutionRole AWSSecurityHubFullAccess
        AWSSystemsManagerEnableConfigRecordingExecutionPolicy AWS_ConfigRole AmazonGuardDutyFullAccess_v2
        CloudWatchFullAccessV2 SystemAdministrator
        """.split()
    ),
}
"""Names of AWS managed policies, without their path, by the risk they bring."""
